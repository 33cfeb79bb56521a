from unittest.mock import patch

from odoo.tests import tagged

from ..delivery import RESOURCES
from ..payt_api import PaytFile, backoff
from ..payt_api import operations as op
from .test_outbox import OutboxCase

INVOICE = {
    "debtor_number": "D1",
    "currency_code": "EUR",
    "invoice_date": "2026-11-01",
    "due_date": "2026-11-15",
    "book_amount_total": "121.00",
    "book_amount_open": "121.00",
    "amount_total": "121.00",
    "amount_open": "121.00",
}


class ResourceCase(OutboxCase):
    """Partners pretend to be what each resource is about: the outbox knows nothing of the models."""

    def setUp(self):
        super().setUp()
        self.enterContext(patch.object(backoff.Backoff, "pause", lambda *arguments: None))
        with self.backend._get_client() as client:
            client.write_many(op.UPSERT_DEBTORS, [{"debtor_number": "D1", "debtor_identifier": "D1", "name": "Jansen"}])
        self.sandbox.traffic.reset()

    def be(self, resource, prepare, **others):
        """Let partners be this resource, known by their reference."""
        row = RESOURCES[resource]
        methods = {
            row.payload: lambda partner, backend: prepare(partner),
            row.key: lambda partner: partner.ref,
            row.taken: lambda partner, backend, answer: self.recorded.taken.append((partner.ref, answer)),
            row.refused: lambda partner, backend, reasons: self.recorded.refused.append((partner.ref, reasons)),
            **others,
        }
        for name, method in methods.items():
            self.enterContext(patch.object(type(self.env["res.partner"]), name, method, create=True))

    def send(self, resource, *partners):
        self.outbox._put(self.env["res.partner"].concat(*partners), resource)
        self.empty()

    def requests(self, operation):
        return self.sandbox.traffic.by_operation.get(operation, 0)


@tagged("post_install", "-at_install")
class TestInvoices(ResourceCase):
    def setUp(self):
        super().setUp()
        self.content = {self.jansen.id: b"%PDF-1.7 of Jansen", self.pietersen.id: b"%PDF-1.7 of Pietersen"}
        self.jansen.ref, self.pietersen.ref = "INV/1", "INV/2"
        self.be("invoice", self.prepare, _get_payt_files=lambda partner: self.get_files(partner))

    def get_files(self, partner):
        return [(f"{partner.name}.pdf", "application/pdf", self.content[partner.id])]

    def prepare(self, partner):
        [(name, mimetype, content)] = partner._get_payt_files()
        document = {"checksum": PaytFile.of(content, mimetype).checksum, "filename": name}
        return {**INVOICE, "invoice_number": partner.ref, "document": document}

    def invoices(self):
        return {invoice["invoice_number"]: invoice for invoice in self.sandbox.state()["invoices"]}

    def test_documents_are_there_before_the_invoices_and_cost_the_least_requests(self):
        self.send("invoice", self.jansen, self.pietersen)
        self.assertEqual(sorted(self.invoices()), ["INV/1", "INV/2"])
        self.assertEqual(set(self.rows().mapped("state")), {"sent"})
        self.assertEqual(self.sandbox.traffic.by_operation["POST /v1/files"], 1)
        self.assertEqual(self.sandbox.traffic.by_operation["POST /v1/invoices"], 1)
        self.assertEqual(len([file for file in self.sandbox.world.store.files if file["uploaded_at"]]), 2)

    def test_a_document_that_cannot_be_uploaded_keeps_only_its_own_invoice_back(self):
        self.sandbox.fail("refuse", method="PUT", path="/file_storage")
        self.send("invoice", self.jansen, self.pietersen)
        self.assertEqual(list(self.invoices()), ["INV/2"])
        self.assertEqual(self.rows(self.jansen).state, "refused")
        self.assertEqual(self.rows(self.pietersen).state, "sent")

    def test_an_upload_that_fails_for_a_while_is_tried_again_with_its_invoice(self):
        self.sandbox.fail("error", method="PUT", path="/file_storage")
        self.send("invoice", self.jansen, self.pietersen)
        self.assertEqual(set(self.rows().mapped("state")), {"pending"})
        self.assertFalse(self.invoices())
        self.rows().action_try_again()
        self.empty()
        self.assertEqual(sorted(self.invoices()), ["INV/1", "INV/2"])

    def test_documents_payt_has_are_not_uploaded_again(self):
        self.send("invoice", self.jansen)
        self.rows().action_send_again()
        self.sandbox.fail("error", method="PUT", path="/file_storage")
        self.empty()
        self.assertEqual(self.rows().mapped("state"), ["sent", "sent"])


@tagged("post_install", "-at_install")
class TestMandates(ResourceCase):
    def setUp(self):
        super().setUp()
        self.jansen.ref = "M1"
        self.be("psp_mandate", self.prepare)
        self.be("psp_mandate_revocation", lambda partner: {"mandate_reference": partner.ref})

    def prepare(self, partner):
        return {
            "bank_account_name": partner.name,
            "bank_account_number": "NL91ABNA0417164300",
            "provider_code": "mollie",
            "debtor_code": "D1",
            "mandate_reference": partner.ref,
        }

    def mandates(self):
        return [(m["mandate_reference"], bool(m["deactivated_at"])) for m in self.sandbox.state()["psp_mandates"]]

    def test_a_mandate_is_made_once(self):
        self.send("psp_mandate", self.jansen)
        self.assertEqual(self.mandates(), [("M1", False)])
        self.assertEqual(self.recorded.taken[0][1]["mandate_reference"], "M1")

    def test_a_mandate_whose_answer_was_lost_is_found_instead_of_made_again(self):
        for kind in ("lost_answer", "malformed", "error_after"):
            with self.subTest(kind):
                self.jansen.ref = f"M-{kind}"
                self.sandbox.fail(kind, method="POST", path="/v1/psp_mandates")
                self.send("psp_mandate", self.jansen)
                self.assertEqual(self.rows(state="pending").resource, "psp_mandate")
                self.rows(state="pending").action_try_again()
                self.empty()
                self.assertFalse(self.rows(state="pending"))
                self.assertEqual(self.mandates().count((f"M-{kind}", False)), 1)
                self.assertEqual(self.recorded.refused, [])
                self.send("psp_mandate_revocation", self.jansen)

    def test_a_mandate_payt_does_not_take_stops_no_other(self):
        self.pietersen.ref = "M2"  # of the same debtor, who has one by then
        self.send("psp_mandate", self.jansen, self.pietersen)
        self.assertEqual(self.mandates(), [("M1", False)])
        self.assertEqual(self.rows(self.jansen).state, "sent")
        self.assertEqual(self.rows(self.pietersen).state, "refused")

    def test_revoking_what_is_revoked_already_is_done(self):
        self.send("psp_mandate", self.jansen)
        self.sandbox.fail("lost_answer", method="DELETE", path="/v1/psp_mandates")
        self.send("psp_mandate_revocation", self.jansen)
        self.assertEqual(self.mandates(), [("M1", True)])
        self.rows(state="pending").action_try_again()
        self.empty()
        self.assertEqual(self.rows(resource="psp_mandate_revocation").state, "sent")
        self.assertEqual(self.recorded.refused, [])

    def test_no_account_number_is_on_a_row_or_in_the_log(self):
        with self.assertLogs(level="DEBUG") as log:
            self.sandbox.fail("refuse", method="POST", path="/v1/psp_mandates", reason="NL91ABNA0417164300 is closed")
            self.send("psp_mandate", self.jansen)
        told = [line for line in log.output if "odoo.sql_db" not in line]
        self.assertIn("NL91", self.rows().error)
        self.assertNotIn("NL91ABNA0417164300", "\n".join([*told, self.rows().error]))


@tagged("post_install", "-at_install")
class TestFollowUp(ResourceCase):
    def setUp(self):
        super().setUp()
        self.jansen.ref = "INV/1"
        self.be(
            "invoice", lambda partner: {**INVOICE, "invoice_number": partner.ref}, _get_payt_files=lambda partner: []
        )
        for resource in ("invoice_block", "invoice_resume"):
            self.be(resource, lambda partner: {})
        self.send("invoice", self.jansen)
        self.sandbox.traffic.reset()

    def test_blocking_again_after_a_resume_is_not_taken_for_a_repetition(self):
        for resource in ("invoice_block", "invoice_resume", "invoice_block"):
            self.send(resource, self.jansen)
        self.assertEqual(self.requests("PATCH /v1/invoices/block"), 2)
        self.assertEqual(self.requests("PATCH /v1/invoices/resume"), 1)
        self.assertEqual(set(self.rows().mapped("state")), {"sent"})

    def test_an_invoice_payt_does_not_know_is_refused(self):
        self.pietersen.ref = "INV/2"
        self.send("invoice_block", self.jansen, self.pietersen)
        self.assertEqual(self.rows(self.pietersen).state, "refused")
        self.assertEqual(self.rows(self.jansen, resource="invoice_block").state, "sent")
