"""Each failure at each kind of write: afterwards PAYT and Odoo agree, and nothing was made or sent twice."""

from collections import Counter
from functools import partial
from unittest.mock import patch

import payt_compare

from odoo import SUPERUSER_ID
from odoo.tests import tagged

from odoo.addons.bfocused_payt_connector.models.connection import payt_throttle
from odoo.addons.bfocused_payt_connector.payt_api import auth, backoff, operations, transport
from odoo.addons.bfocused_payt_connector.tests.common import SandboxMixin
from odoo.addons.bfocused_payt_connector.tests.data_common import PaytDataCase

from .payt_sandbox.faults import KINDS
from .payt_sandbox.tokens import ALL_SCOPES, hand_out

# in an order in which each finds what it needs; method and path of the request that fails
REQUESTS = {
    "vat_rate": ("POST", "/v1/vat_rates"),
    "contact": ("POST", "/v1/contacts"),
    "debtor": ("POST", "/v1/debtors"),
    "files": ("POST", "/v1/files"),
    "upload": ("PUT", "/file_storage"),
    "invoice": ("POST", "/v1/invoices"),
    "psp_mandate": ("POST", "/v1/psp_mandates"),
    "invoice_block": ("PATCH", "/v1/invoices/block"),
    "invoice_resume": ("PATCH", "/v1/invoices/resume"),
    "psp_mandate_revocation": ("DELETE", "/v1/psp_mandates"),
    "token": ("POST", "/oauth/token"),
}
# These know no answer by record.
AS_A_WHOLE = {"files", "upload", "psp_mandate", "token"}
BY_RECORD = {"record_error", "record_warning"}
NEEDS_A_PERSON = {"refuse", "record_error", "forbidden"}
# After all others nobody knows which refresh token PAYT takes, or PAYT refuses: a person has to look.
TOKEN_GOES_ON_BY_ITSELF = {"throttle", "expired_token"}
KEYS = {
    "vat_rates": "code",
    "contacts": "contact_identifier",
    "debtors": "debtor_number",
    "files": "checksum",
    "invoices": "invoice_number",
    "psp_mandates": "mandate_reference",
}
READ_TIMEOUT, LATE = (5.0, 0.5), 0.9


@tagged("post_install", "-at_install")
class TestFailures(SandboxMixin, PaytDataCase):
    """Records wait until the request about them is to fail; then the outbox is emptied as often as it takes."""

    backend_values = {"auth_method": "refresh_token"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.signer = cls.make_customer("Slagerij De Boer", email="info@deboer.example")
        cls.mandate = cls.signer._get_billing_mandate(cls.company)
        cls.customers = {
            what: cls.make_customer(f"Klant {what}", with_mandate=False, email=f"{what}@klant.example")
            for what in ("contact", "debtor", "token")
        }
        cls.moves = {what: cls.make_ready_invoice() for what in ("files", "upload", "invoice")}

    @classmethod
    def make_backend(cls):
        """The sandbox' connection is made for each test."""

    @classmethod
    def make_ready_invoice(cls):
        """Posted, and its documents are made: what is left is to bring it to PAYT."""
        move = cls.make_invoice(partner=cls.signer)
        documents = {
            "invoice_pdf_report_file": (f"{move.id}.pdf", b"%%PDF-1.4 of %d" % move.id),
            "ubl_cii_xml_file": (f"{move.id}.xml", b"<Invoice>%d</Invoice>" % move.id),
        }
        for field, (name, content) in documents.items():
            cls.env["ir.attachment"].create(
                {"name": name, "raw": content, "res_model": move._name, "res_id": move.id, "res_field": field}
            )
        move.invalidate_recordset()
        return move

    def get_sandbox_settings(self):
        return {**super().get_sandbox_settings(), "send_at_once": True}

    def setUp(self):
        super().setUp()
        self.backend.psp_provider = "mollie"
        self.grant()
        self.sandbox.world.webhook.update(enabled=True, mode={"manual": True})  # so that it notes what it does
        self.env.flush_all()
        self.registry_enter_test_mode()
        # requests needn't be slow for this; the rest of the throttle is as always
        self.enterContext(patch.object(payt_throttle, "next_slot", partial(payt_throttle.next_slot, interval=0)))
        # the client's own tries have their own tests: here each failure reaches the outbox
        self.enterContext(patch.object(backoff.Backoff, "pause", lambda *arguments: None))
        self.enterContext(patch.object(operations, "WRITE_TIMEOUT", READ_TIMEOUT))
        self.enterContext(patch.object(transport, "UPLOAD_TIMEOUT", READ_TIMEOUT))
        self.enterContext(patch.object(auth, "TOKEN_TIMEOUT", READ_TIMEOUT))

    def grant(self):
        """As after a person agreed at PAYT."""
        with self.sandbox.world.lock:
            self.backend.refresh_token = hand_out(self.sandbox.world, ALL_SCOPES, refreshable=True)["refresh_token"]

    # === WHAT LEADS TO EACH REQUEST

    def ask_for(self, what):
        if what == "vat_rate":
            self.tax.copy({"name": "21% too"})._queue_payt_vat_rates()
        elif what in self.customers:
            self.customers[what]._queue_payt_debtor()
        elif what in self.moves:
            self.moves[what]._queue_payt_invoices()
        elif what == "psp_mandate":
            self.mandate._queue_payt_mandates()
        elif what == "psp_mandate_revocation":
            self.mandate.cancel()
        elif what == "invoice_block":
            self.moves["invoice"]._payt_block("betwist")
        elif what == "invoice_resume":
            self.moves["invoice"].action_payt_resume()
        if what == "token":
            self.backend.sudo().token_ids.access_token = False

    # === RETRYING

    def empty_until_quiet(self):
        """Let time pass, and a person do what only a person can, until nothing is left.

        :return: whether a person was needed
        """
        outbox = self.env["payt.outbox"].with_user(SUPERUSER_ID)
        needed = False
        for _turn in range(30):
            wrong = outbox.search([("state", "in", ("refused", "error"))])
            if self.backend.paused:
                needed = True
                self.assertTrue(self.backend.activity_ids, "nobody was told")
                if not self.backend.sudo().token_ids.access_token:
                    self.grant()
                self.backend.action_resume()
            elif wrong:
                needed = True
                wrong.action_try_again()
            elif not self.get_rows():
                return needed
            self.get_rows().next_try_at = False
            self.env.flush_all()
            outbox._job_empty(self.backend.id)
            self.env.invalidate_all()
        self.fail(f"It never ends: {self.get_rows().mapped('error')}")

    # === COMPARING

    def assert_nothing_twice(self, state):
        for name, key in KEYS.items():
            twice = [value for value, times in Counter(record[key] for record in state[name]).items() if times > 1]
            self.assertEqual(twice, [], f"{name} that PAYT has twice")
        sendings = [
            event["event"]["context"]["invoice_number"]
            for event in self.sandbox.world.store.events
            if event["event"]["event_name"] == "invoice_step_performed"
        ]
        self.assertEqual(sorted(sendings), sorted(invoice["invoice_number"] for invoice in state["invoices"]))

    def assert_arrived(self, what, state):
        if what in self.moves or what in ("invoice_block", "invoice_resume"):
            move = self.moves.get(what, self.moves["invoice"])
            [there] = [found for found in state["invoices"] if found["invoice_number"] == move.name]
            ours = payt_compare.get_our_invoice(move)
            theirs = payt_compare.get_their_invoices(state)[move.name]
            self.assertEqual({name: ours[name] for name in theirs}, theirs)
            self.assertTrue(theirs["pdf"] and theirs["ubl"] and there["sent_at"])
            self.assertEqual(bool(there.get("paused_at")), what == "invoice_block")
            self.assertEqual(move.payt_state, "paused" if what == "invoice_block" else "pushed")
        elif what in self.customers:
            number = self.customers[what].payt_debtor_number
            [there] = [found for found in state["debtors"] if found["debtor_number"] == number]
            self.assertEqual(there["name"], self.customers[what].name)
            self.assertEqual(self.customers[what].payt_debtor_state, "pushed")
        elif what == "vat_rate":
            ours = self.env["account.tax"].search([("payt_state", "=", "pushed")])
            self.assertEqual({rate["code"] for rate in state["vat_rates"]}, {str(tax.id) for tax in ours})
        else:
            [there] = state["psp_mandates"]
            self.assertEqual(there["mandate_reference"], self.mandate.unique_mandate_reference)
            self.assertEqual(bool(there["deactivated_at"]), what == "psp_mandate_revocation")
            self.assertEqual(self.mandate.payt_state, "revoked" if what == "psp_mandate_revocation" else "pushed")

    # === THE TEST

    def check_each_request(self, kind):
        for what, (method, path) in REQUESTS.items():
            self.ask_for(what)
            if kind in BY_RECORD and what in AS_A_WHOLE:
                self.empty_until_quiet()
                continue
            with self.subTest(kind, request=what):
                happened = self.sandbox.faults.happened
                self.sandbox.fail(kind, method=method, path=path, seconds=LATE)
                was_needed = self.empty_until_quiet()
                self.assertEqual(self.sandbox.faults.happened, happened + 1, "the failure never happened")
                wanted = kind not in TOKEN_GOES_ON_BY_ITSELF if what == "token" else kind in NEEDS_A_PERSON
                if (kind, what) == ("forbidden", "upload"):
                    wanted = False  # its address has lapsed, and PAYT is asked for another one
                self.assertEqual(was_needed, wanted, "a person was needed, or nobody noticed")
                state = self.sandbox.state()
                self.assert_arrived(what, state)
                self.assert_nothing_twice(state)


def make_test(kind):
    def test(self):
        self.check_each_request(kind)

    return test


for each in KINDS:
    setattr(TestFailures, f"test_{each}_at_each_request", make_test(each))
