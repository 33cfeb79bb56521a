"""How PAYT writes what Odoo has to read."""

from datetime import UTC, date, datetime
from decimal import Decimal

PRINCIPAL = "principal"


def read_moment(text):
    """PAYT's moment as Odoo's: UTC without time zone, to the second; ``None`` where there is none."""
    if not text:
        return None
    moment = datetime.fromisoformat(text)
    return (moment.astimezone(UTC) if moment.tzinfo else moment).replace(tzinfo=None, microsecond=0)


def read_amount(value):
    """An amount in a record of PAYT, which is text; 0 where it is empty."""
    return Decimal(str(value or 0))


class PaymentPayload:
    """What PAYT says of one payment.

    :param row: ``payt.mirror`` record of a payment
    """

    def __init__(self, row):
        self.payload = row.sudo().payload or {}

    def get_amount(self, name="total_amount"):
        return float(self.payload.get(name) or 0)

    @property
    def kind(self):
        return self.payload.get("transaction_type") or "payment"

    @property
    def day(self):
        """The day it was paid, or ``None``."""
        text = self.payload.get("payment_date")
        return date.fromisoformat(text[:10]) if text else None

    @property
    def transaction(self):
        """The provider's transaction, as PAYT gives it with the payment; empty where there is none."""
        transaction = self.payload.get("psp_transaction") or {}
        return transaction if transaction.get("id") else {}

    @property
    def transaction_id(self):
        number = self.transaction.get("id")
        return str(number) if number else False

    @property
    def cost_type(self):
        """What it pays instead of the invoice itself, or ``False``."""
        cost_type = self.payload.get("cost_type") or PRINCIPAL
        return False if cost_type == PRINCIPAL else cost_type

    @property
    def invoice_id(self):
        """PAYT's id of the invoice. Costs of a credit case may only have those of the transaction."""
        numbers = [self.payload.get("invoice_id"), *(self.transaction.get("invoice_ids") or [])]
        return next((str(number) for number in numbers if number), False)

    @property
    def is_of_bank_statement(self):
        """Whether PAYT read it from a bank statement, and no payment provider collected it."""
        return bool(self.payload.get("bank_transaction")) and not self.transaction
