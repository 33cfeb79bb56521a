from odoo import api, models


class AccountTax(models.Model):
    """What another rate in a tax itself means for subscription lines that run: they have it at once, for all days."""

    _inherit = "account.tax"

    @api.onchange("amount")
    def _onchange_running_amount(self):
        note = self._get_running_note() if self._origin.amount != self.amount else ""
        return {"warning": {"title": self.env._("Running subscriptions"), "message": note}} if note else None

    def write(self, vals):
        # EXTENDS 'account'
        changed = self.filtered(lambda tax: "amount" in vals and tax.amount != vals["amount"])
        result = super().write(vals)
        for tax in changed:
            if note := tax._get_running_note():
                tax._message_log_batch(bodies={tax.id: note})
        return result

    def _get_running_note(self):
        """What another rate does to running lines, and what to do instead; an empty text when none has this tax."""
        lines = (
            self.env["product.template"]._find_running_lines().filtered_domain([("tax_ids", "in", self._origin.ids)])
        )
        if not lines:
            return ""
        return self.env._(
            "%s running subscription lines have this tax. What isn't billed yet has the new rate, also for days "
            "before today. For a rate from a day on, make a new tax and give it to the products: then you are asked "
            "about the lines.",
            len(lines),
        )
