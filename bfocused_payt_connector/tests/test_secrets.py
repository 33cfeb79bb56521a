import logging

from odoo import SUPERUSER_ID
from odoo.tests import tagged

from .common import SandboxMixin
from .data_common import PaytDataCase

IBAN = "NL91ABNA0417164300"
# who might say something: everything that takes part, at its most talkative. SQL is never logged in production.
TALKERS = ("odoo.addons.bfocused_payt_connector", "odoo.addons.bfocused_billing", "odoo.addons.queue_job", "urllib3")
TOLD_IN = {
    "payt.outbox": ["record_name", "error", "request_facts", "resource", "checksum"],
    "payt.backend": ["name", "remark", "paused_reason", "administration_id", "base_url"],
    "queue.job": ["name", "func_string", "result", "exc_info", "exc_message"],
    "mail.message": ["body", "subject"],
    "mail.activity": ["summary", "note"],
    "account.move": ["payt_message"],
    "account.banking.mandate": ["payt_message"],
    "res.partner": ["payt_debtor_message", "payt_contact_message"],
}


class Listener(logging.Handler):
    """Keeps what is logged, as a log file would have it."""

    def __init__(self):
        super().__init__(logging.DEBUG)
        self.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s"))
        self.lines = []

    def emit(self, record):
        self.lines.append(self.format(record))


@tagged("post_install", "-at_install")
class TestSecrets(SandboxMixin, PaytDataCase):
    """What is logged, shown and exported of a run with all its troubles has no token and no whole account number."""

    @classmethod
    def make_backend(cls):
        """The sandbox' connection is made for each test."""

    def setUp(self):
        super().setUp()
        self.backend.psp_provider = "mollie"
        self.env.flush_all()
        self.registry_enter_test_mode()
        self.listener = Listener()
        for name in TALKERS:
            logger = logging.getLogger(name)
            self.addCleanup(logger.setLevel, logger.level)
            self.addCleanup(logger.removeHandler, self.listener)
            logger.setLevel(logging.DEBUG)
            logger.addHandler(self.listener)

    def empty_outbox(self):
        for _turn in range(20):
            if self.backend.paused or not self.get_rows():
                return
            self.get_rows().next_try_at = False
            self.env["payt.outbox"].with_user(SUPERUSER_ID)._job_empty(self.backend.id)
            self.backend.invalidate_recordset()

    def get_told(self):
        """All that a person can come to read, as text."""
        self.env.flush_all()
        told = list(self.listener.lines)
        for model, names in TOLD_IN.items():
            told += [
                str(value) for row in self.env[model].sudo().search([]).export_data(names)["datas"] for value in row
            ]
        return "\n".join(told)

    def test_a_whole_run_with_its_troubles_tells_no_secret(self):
        signer = self.make_customer("Slagerij", with_mandate=False, email="info@deboer.example")
        account = self.env["res.partner.bank"].create({"partner_id": signer.id, "acc_number": IBAN})
        self.make_mandate(signer, partner_bank_id=account.id)
        secrets = [IBAN, account.acc_number, self.sandbox.token, self.backend.webhook_key]
        reason = f"Odd: account {IBAN}, token {self.sandbox.token}"
        bad = self.make_invoice(partner=signer)
        self.perform(self.get_sending_jobs())
        for path in ("/v1/debtors", "/v1/contacts", "/v1/invoices"):
            self.sandbox.fail("record_error", method="POST", path=path, reason=reason, times=1)
        for kind in ("error", "lost_answer", "malformed"):
            self.sandbox.fail(kind, method="POST", path="/v1/psp_mandates", times=1)
            self.empty_outbox()
        self.assertEqual(bad.payt_state, "error")
        signer.action_payt_debtor_retry()
        bad.action_payt_retry()
        self.empty_outbox()
        self.sandbox.fail("expired_token", times=5)
        self.make_invoice(partner=signer)
        self.perform(self.get_sending_jobs())
        self.empty_outbox()
        self.assertTrue(self.backend.paused, "the connection was to stop")

        told = self.get_told()

        # so that there was something to hear, in the log and in words of PAYT
        self.assertIn("POST /v1/invoices", told)
        self.assertIn("Odd: account", told)
        for secret in secrets:
            self.assertNotIn(secret, told)
