import json
from unittest.mock import patch

from odoo import Command

from odoo.addons.bfocused_billing.tests.common import BillingCase
from odoo.addons.queue_job.job import Job

from tests.payt_sandbox.contract import JSON, Contract

from ..delivery import RESOURCES

PDF = "odoo.addons.base.models.ir_actions_report.IrActionsReport._run_wkhtmltopdf"
ADMINISTRATION = "81"
WRITES = {
    "vat_rate": ("/v1/vat_rates", "vat_rates"),
    "contact": ("/v1/contacts", "contacts"),
    "debtor": ("/v1/debtors", "debtors"),
    "invoice": ("/v1/invoices", "invoices"),
    "psp_mandate": ("/v1/psp_mandates", "psp_mandates"),
}
CONTRACT = Contract()


class PaytDataCase(BillingCase):
    """A company that uses PAYT, with a customer that has an address; nothing in the outbox."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_backend()
        cls.customer.write(
            {
                "ref": "D1001",
                "email": "boekhouding@jansen.example",
                "vat": "NL123456782B90",
                "company_registry": "12345678",
            }
        )
        cls.tax = cls.company_data["default_tax_sale"]
        cls.clear_outbox()

    @classmethod
    def make_backend(cls):
        cls.backend = cls.env["payt.backend"].create(
            {
                "name": "PAYT",
                "company_id": cls.company.id,
                "administration_id": ADMINISTRATION,
                "psp_provider": "mollie",
            }
        )

    # === OUTBOX

    @classmethod
    def clear_outbox(cls):
        cls.env.flush_all()
        cls.env["payt.outbox"].sudo().search([]).unlink()

    def get_rows(self, records=None, resource=None):
        domain = [("state", "=", "pending")]
        if records is not None:
            domain += [("model", "=", records._name), ("res_id", "in", records.ids)]
        if resource:
            domain.append(("resource", "=", resource))
        return self.env["payt.outbox"].sudo().search(domain)

    def assert_put(self, records, *resources):
        """These records have one row each for these resources, and no other."""
        rows = sorted((row.res_id, row.resource) for row in self.get_rows(records))
        self.assertEqual(rows, sorted((res_id, resource) for res_id in records.ids for resource in resources))

    # === PAYLOADS

    def prepare(self, record, resource):
        """The payload, after PAYT's contract accepted it."""
        payload = getattr(record, RESOURCES[resource].payload)(self.backend)
        if payload is not None and resource in WRITES:
            self.assert_contract(resource, payload)
        return payload

    def assert_contract(self, resource, payload):
        path, name = WRITES[resource]
        operation, _values = CONTRACT.find("POST", path)
        body = json.dumps({"administration_id": ADMINISTRATION, name: [payload]}).encode()
        operation.read_body(JSON, body)
        self.assertNotIn("False", json.dumps(payload))
        self.assertNotIn("null", json.dumps(payload))

    def take(self, record, resource):
        """PAYT takes it."""
        payload = self.prepare(record, resource)
        getattr(record, RESOURCES[resource].taken)(self.backend, {})
        self.get_rows(record, resource).state = "sent"
        return payload

    def refuse(self, record, resource, *reasons):
        getattr(record, RESOURCES[resource].refused)(self.backend, list(reasons))

    # === RECORDS

    @classmethod
    def make_invoice(cls, *prices, partner=None, move_type="out_invoice", post=True, **values):
        lines = [
            Command.create({"product_id": cls.router.id, "price_unit": price, "tax_ids": [Command.set(cls.tax.ids)]})
            for price in prices or (100.0,)
        ]
        move = cls.env["account.move"].create(
            {
                "move_type": move_type,
                "partner_id": (partner or cls.customer).id,
                "invoice_date": "2026-01-05",
                "invoice_line_ids": lines,
                **values,
            }
        )
        if post:
            move.action_post()
        return move

    @classmethod
    def send(cls, moves, **settings):
        with patch(PDF, lambda *args, **kwargs: b"%PDF-1.4"):
            cls.env["account.move.send"]._generate_and_send_invoices(moves, **settings)

    @classmethod
    def make_pushed_invoice(cls, *prices, **values):
        """An invoice that PAYT has."""
        move = cls.make_invoice(*prices, **values)
        cls.send(move)
        move._payt_taken_invoice(cls.backend, {})
        cls.clear_outbox()
        return move

    def get_sending_jobs(self):
        return self.env["queue.job"].sudo().search([("method_name", "=", "_job_send"), ("state", "=", "pending")])

    def perform(self, jobs):
        with patch(PDF, lambda *args, **kwargs: b"%PDF-1.4"):
            for job in jobs:
                Job.load(self.env, job.uuid).perform()

    @classmethod
    def pay(cls, moves, amount=None, date="2026-01-20", **values):
        context = {"active_model": "account.move", "active_ids": moves.ids}
        if amount is not None:
            values["amount"] = amount
        wizard = cls.env["account.payment.register"].with_context(**context).create({"payment_date": date, **values})
        return wizard._create_payments()

    def return_payment(self, payments, code="AM04", date="2026-02-02"):
        reason = self.env["payment.return.reason"].search([("code", "=", code)], limit=1)
        reason = reason or self.env["payment.return.reason"].create({"code": code, "name": code})
        items = payments.move_id.line_ids.filtered(lambda line: line.account_id.account_type == "asset_receivable")
        lines = [
            Command.create(
                {
                    "partner_id": self.customer.id,
                    "move_line_ids": [Command.set(item.ids)],
                    "amount": item.credit,
                    "reason_id": reason.id,
                }
            )
            for item in items
        ]
        returned = self.env["payment.return"].create(
            {"journal_id": self.company_data["default_journal_bank"].id, "date": date, "line_ids": lines}
        )
        returned.action_confirm()
        return returned
