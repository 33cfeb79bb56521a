import base64
import csv
from pathlib import Path

from lxml import etree

from odoo import Command
from odoo.tools import file_open, file_path

from .common import BillingCase


class CollectionCase(BillingCase):
    """A company that collects on its own bank contract, with customers, accounts and mandates of the sample data."""

    namespaces = {"p": "urn:iso:std:iso:20022:tech:xsd:pain.008.001.02"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.write(
            {
                "company_registry": "27312345",
                "sepa_creditor_identifier": "NL43ZZZ273123450000",
                "mandate_warning_months": "30, 33, 35",
            }
        )
        cls.journal = cls.company_data["default_journal_bank"]
        cls.bank = cls.env["res.bank"].create({"name": "ABN AMRO", "bic": "ABNANL2A"})
        cls.journal.bank_account_id = cls.make_account(cls.company.partner_id, "NL20INGB0001234567")
        cls.mode = cls.company.billing_payment_mode_id
        cls.mode.write(
            {"bank_account_link": "fixed", "fixed_journal_id": cls.journal.id, "default_target_move": "posted"}
        )

    @classmethod
    def make_account(cls, partner, iban, **values):
        return cls.env["res.partner.bank"].create(
            {
                "partner_id": partner.id,
                "acc_number": iban,
                "allow_out_payment": False,
                "bank_id": cls.bank.id,
                **values,
            }
        )

    @classmethod
    def read_samples(cls, filename):
        folder = Path(file_path("bfocused_billing")).parent / "data"
        with open(folder / filename, newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    @classmethod
    def make_sample_customer(cls, number, **values):
        """A customer of the sample data, with its mandate.

        :return: ``account.banking.mandate``
        """
        row = next(row for row in cls.read_samples("mandates.csv") if row["customer_number"] == number)
        partner = cls.make_customer(
            row["account_holder"], with_mandate=False, street="Steenstraat 41", zip="6828 CD", city="Arnhem"
        )
        account = cls.make_account(partner, row["iban"])
        return cls.make_mandate(
            partner,
            partner_bank_id=account.id,
            unique_mandate_reference=row["mandate_reference"],
            scheme=row["scheme"],
            signature_date=row["signature_date"],
            b2b_registered_date=row["bank_registered_date"] or False,
            **values,
        )

    @classmethod
    def make_invoice(cls, mandate, amount=121.0, date="2026-03-02", due=None, **values):
        """A posted invoice without VAT of a customer, collected with a mandate."""
        move = cls.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": mandate.partner_id.id,
                "invoice_date": date,
                "invoice_date_due": due or date,
                "invoice_payment_term_id": False,
                "payment_mode_id": cls.mode.id,
                "mandate_id": mandate.id,
                "invoice_line_ids": [
                    Command.create({"name": "Services", "quantity": 1, "price_unit": amount, "tax_ids": []})
                ],
                **values,
            }
        )
        move.with_context(billing_send_anyway=True).action_post()
        return move

    @classmethod
    def make_order(cls, *moves, **values):
        """A draft payment order that collects invoices."""
        order = cls.env["account.payment.order"].create(
            {"payment_mode_id": cls.mode.id, "payment_type": "inbound", "journal_id": cls.journal.id, **values}
        )
        for move in moves:
            lines = move.line_ids.filtered(lambda line: line.display_type == "payment_term")
            lines.create_payment_line_from_move_line(order)
        return order

    @classmethod
    def upload(cls, order):
        order.draft2open()
        order.open2generated()
        order.generated2uploaded()
        return order

    @classmethod
    def get_file(cls, order):
        """The file of a confirmed order, as an XML tree."""
        action = order.open2generated()
        return etree.fromstring(base64.b64decode(cls.env["ir.attachment"].browse(action["res_id"]).datas))

    @classmethod
    def assert_valid(cls, root):
        """Compare a file with ISO 20022's own schema."""
        with file_open("account_banking_sepa_direct_debit/data/pain.008.001.02.xsd", "rb") as xsd:
            etree.XMLSchema(etree.parse(xsd)).assertValid(root)
