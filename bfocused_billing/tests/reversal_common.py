import base64
from pathlib import Path

from freezegun import freeze_time
from lxml import etree

from odoo.tools import file_path

from .collection_common import CollectionCase

CAMT, PAIN = "camt054-returns.xml", "pain002-rejects.xml"


class ReversalCase(CollectionCase):
    """What the bank's sample files are about: a debit of 9 March 2026 for each of their transactions."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.mode.pre_notification_days = 5
        numbers = {row["mandate_reference"]: row["customer_number"] for row in cls.read_samples("mandates.csv")}
        cls.moves, cls.codes = {}, {}  # by reason code; reason code by mandate reference
        order_moves = []
        with freeze_time("2026-03-02 10:00:00"):
            for reference, code, amount in (*cls.read_transactions(CAMT), *cls.read_transactions(PAIN)):
                mandate = cls.make_sample_customer(numbers[reference])
                mandate.partner_id.email = "customer@example.com"
                cls.moves[code] = cls.make_invoice(mandate, amount)
                order_moves.append(cls.moves[code])
            cls.order = cls.upload(cls.make_order(*order_moves))

    @classmethod
    def read_file(cls, filename):
        return (Path(file_path("bfocused_billing")).parent / "data" / "bank" / filename).read_bytes()

    @classmethod
    def read_transactions(cls, filename):
        """(mandate reference, reason code or ``None``, amount) of each transaction in a sample file."""
        root = etree.fromstring(cls.read_file(filename))
        for node in root.iter("{*}TxDtls", "{*}TxInfAndSts"):
            amount = node.findtext(".//{*}InstdAmt/{*}Amt") or node.findtext(".//{*}InstdAmt")
            yield node.findtext(".//{*}MndtId"), node.findtext(".//{*}Rsn/{*}Cd"), float(amount)

    @classmethod
    def load(cls, content):
        """Import a bank file as a person does.

        :return: ``payment.return`` records
        """
        wizard = cls.env["payment.return.import"].create({"data_file": base64.b64encode(content)})
        before = cls.env["payment.return"].search([])
        wizard.import_file()
        return cls.env["payment.return"].search([]) - before

    @classmethod
    def reverse(cls, *filenames):
        for filename in filenames:
            for payment_return in cls.load(cls.read_file(filename)):
                payment_return.action_confirm()

    @classmethod
    def get_reversal(cls, code):
        return cls.env["bfocused.payment.reversal"].search([("move_ids", "in", cls.moves[code].ids)])
