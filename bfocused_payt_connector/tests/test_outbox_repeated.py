"""An answer that was lost, to each kind of write: it is repeated without a person, and ends well."""

import re
from unittest.mock import patch

from odoo.tests import tagged

from ..delivery import RESOURCES
from ..payt_api import backoff
from ..payt_api import operations as op
from .test_outbox_resources import INVOICE, ResourceCase

LOST = ("lost_answer", "malformed", "error_after")


@tagged("post_install", "-at_install")
class TestEveryRow(ResourceCase):
    """Each row of ``RESOURCES``, with a PAYT that takes a repetition and one that refuses it."""

    # what has to be at PAYT before, by the resource that is tried
    BEFORE = {
        "psp_mandate_revocation": ("psp_mandate",),
        "invoice_block": ("invoice",),
        "invoice_resume": ("invoice", "invoice_block"),
        "payment_plan": ("invoice",),
        "payment_plan_approval": ("invoice",),
        "payment_plan_rejection": ("invoice",),
        "payment_plan_end": ("invoice", "payment_plan"),
    }

    def setUp(self):
        super().setUp()
        for name, prepare in self.get_payloads().items():
            others = {"_get_payt_files": lambda partner: []} if RESOURCES[name].files else {}
            self.be(name, prepare, **others)
        methods = {
            "_get_payt_debtor_number": lambda partner: partner.ref,
            "_find_payt_plan": lambda partner, plans: next((plan for plan in plans if plan["active"]), None),
            "_get_payt_key_payment_plan_step": lambda partner: self.sandbox.state()["payment_plans"][-1]["id"],
        }
        for name, method in methods.items():
            self.enterContext(patch.object(type(self.env["res.partner"]), name, method, create=True))
        self.enterContext(patch.object(backoff.Backoff, "pause", lambda *arguments: self.pause))
        self.pause = None

    def get_payloads(self):
        step = dict.fromkeys(
            ("payment_plan_approval", "payment_plan_rejection", "payment_plan_end"), lambda partner: {"id": "1"}
        )
        return {
            "vat_rate": lambda partner: {"code": partner.ref, "rate": "21", "name": "21%"},
            "contact": lambda partner: {"contact_identifier": partner.ref, "lastname": partner.name},
            "debtor": lambda partner: {"debtor_number": partner.ref, "debtor_identifier": partner.ref, "name": "B"},
            "invoice": lambda partner: {**INVOICE, "invoice_number": partner.ref, "debtor_number": partner.ref},
            "psp_mandate": lambda partner: {
                "bank_account_name": partner.name,
                "bank_account_number": "NL91ABNA0417164300",
                "provider_code": "mollie",
                "debtor_code": partner.ref,
                "mandate_reference": partner.ref,
            },
            "psp_mandate_revocation": lambda partner: {"mandate_reference": partner.ref, "debtor_code": partner.ref},
            "invoice_block": lambda partner: {},
            "invoice_resume": lambda partner: {},
            "payment_plan": lambda partner: {
                "invoice_numbers": [partner.ref],
                "terms": [{"amount": 121.0, "due_date": "2027-01-01"}],
            },
            **step,
        }

    def make_customer_at_payt(self, resource):
        """A partner whose reference is the number of all it has at PAYT."""
        partner = self.make_partner("Lost", ref=f"N{self.sandbox.world.store.next_number()}")
        debtor = {"debtor_number": partner.ref, "debtor_identifier": partner.ref, "name": "Lost"}
        if resource != "debtor":
            with self.backend._get_client() as client:
                client.write_many(op.UPSERT_DEBTORS, [debtor])
        self.outbox.search([]).unlink()
        for before in self.BEFORE.get(resource, ()):
            self.send(before, partner)
        if resource in ("payment_plan_approval", "payment_plan_rejection"):
            terms = [{"amount": "121.00", "due_date": "2027-01-01"}]
            self.sandbox.play("propose_plan", invoice=[partner.ref], terms=terms)
        return partner

    def lose(self, resource, kind):
        partner = self.make_customer_at_payt(resource)
        operation = RESOURCES[resource].write.operation
        path = "[^/]+".join(re.escape(part) for part in operation.path.split("{id}"))
        self.sandbox.fail(kind, method=operation.method, path=path)
        self.send(resource, partner)
        self.assertFalse(self.sandbox.faults.waiting)
        return self.rows(partner, resource=resource)

    def each(self):
        for resource in RESOURCES:
            for is_strict in (False, True):
                self.sandbox.world.set("repeats_are_errors", is_strict)
                self.sandbox.world.set("plan_finishes", "inactive" if is_strict else "deactivated")
                for kind in LOST:
                    with self.subTest(resource=resource, kind=kind, is_strict=is_strict):
                        yield resource, kind

    def test_a_lost_answer_to_each_kind_of_write_is_repeated_without_a_person(self):
        for resource, kind in self.each():
            row = self.lose(resource, kind)
            self.assertEqual(row.state, "pending")
            row.action_try_again()
            self.empty()
            self.assertEqual((row.state, row.error), ("sent", False))
        self.assertEqual(self.recorded.refused, [])

    def test_so_is_one_that_the_client_repeats_at_once(self):
        self.pause = 0
        for resource, kind in self.each():
            row = self.lose(resource, kind)
            row.action_try_again()
            self.empty()
            self.assertEqual((row.state, row.error), ("sent", False))
        self.assertEqual(self.recorded.refused, [])

    def test_what_is_not_so_at_payt_stays_refused(self):
        for resource in ("invoice_block", "invoice_resume", "psp_mandate_revocation", "payment_plan_approval"):
            with self.subTest(resource):
                partner = self.make_customer_at_payt(resource)
                kind = "refuse" if resource.startswith("payment") else "record_error"
                method = RESOURCES[resource].write.operation.method
                self.sandbox.fail(kind, method=method, reason="Not today")
                self.send(resource, partner)
                self.assertEqual(self.rows(partner, resource=resource).state, "refused")

    def test_a_person_at_payt_who_paused_it_again_is_seen(self):
        partner = self.make_customer_at_payt("invoice_resume")
        self.sandbox.fail("lost_answer", method="PATCH", path="/v1/invoices/resume")
        self.send("invoice_resume", partner)
        self.sandbox.play("pause", invoice=partner.ref)
        row = self.rows(partner, resource="invoice_resume")
        row.action_try_again()
        self.empty()
        self.assertEqual(row.state, "refused")

    def test_ending_a_plan_that_was_deleted_at_payt_is_done(self):
        partner = self.make_customer_at_payt("payment_plan_end")
        plan_id = self.sandbox.state()["payment_plans"][-1]["id"]
        key = patch.object(type(partner), "_get_payt_key_payment_plan_step", lambda partner: plan_id)
        self.sandbox.play("delete", resource="payment_plans", id=plan_id)
        with key:
            self.send("payment_plan_end", partner)
        self.assertEqual(self.rows(partner, resource="payment_plan_end").state, "sent")

    def test_an_address_for_an_upload_that_lapsed_is_asked_for_again(self):
        partner = self.make_customer_at_payt("invoice")
        files = [("a.pdf", "application/pdf", b"%PDF-1.7")]
        self.enterContext(patch.object(type(partner), "_get_payt_files", lambda partner: files))
        for status in (403, 404):
            with self.subTest(status):
                files[0] = ("a.pdf", "application/pdf", b"%%PDF-1.7 %d" % status)
                self.sandbox.fail("error", method="PUT", path="/file_storage", status=status)
                self.outbox._put(partner, "invoice", force=True)
                self.empty()
                self.assertFalse(self.sandbox.faults.waiting)
                self.assertEqual(set(self.rows(partner, resource="invoice").mapped("state")), {"sent"})
        self.sandbox.fail("error", method="PUT", path="/file_storage", status=403, times=2)
        files[0] = ("a.pdf", "application/pdf", b"%PDF-1.7 again")
        self.outbox._put(partner, "invoice", force=True)
        self.empty()
        [row] = self.rows(partner, resource="invoice", state="pending")
        row.action_try_again()
        self.empty()
        self.assertEqual(row.state, "sent")
