from . import lookup
from .base import Handler


class DebtorsHandler(Handler):
    """Debtors: what PAYT knows of a customer besides what it got from us."""

    resource = "debtors"

    def prepare(self):
        self.partners = lookup.find_debtors(self.backend, {row.payt_id: row.payload or {} for row in self.rows})

    def apply(self, row):
        partner = self.partners.get(row.payt_id)
        if partner:
            partner._follow_payt_debtor(self.backend, row.payload)
        return partner
