from odoo import models
from odoo.tools import is_html_empty


class AccountTax(models.Model):
    """The note of a tax that stands on invoices, in the customer's language."""

    _inherit = "account.tax"

    def _lacks_note_in_language(self):
        """Whether this tax has no note, or only the English one for somebody who reads another language."""
        self.ensure_one()
        note = self.invoice_legal_notes
        if is_html_empty(note):
            return True
        lang = self.env.lang or "en_US"
        return not lang.startswith("en") and note == self.with_context(lang="en_US").invoice_legal_notes
