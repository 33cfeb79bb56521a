from odoo import api, models
from odoo.fields import Domain

# What makes a mandate usable, or no longer so.
USABILITY_FIELDS = frozenset({"state", "format", "type", "scheme", "partner_bank_id", "b2b_registered_date"})


class AccountBankingMandate(models.Model):
    """A mandate that becomes valid releases at once what waited for it."""

    _inherit = "account.banking.mandate"

    @api.model_create_multi
    def create(self, vals_list):
        # EXTENDS 'account_banking_mandate'
        mandates = super().create(vals_list)
        mandates._tell_customers()
        mandates._release_waiting()
        return mandates

    def write(self, vals):
        # EXTENDS 'account_banking_mandate'
        result = super().write(vals)
        if "partner_bank_id" in vals:
            self._tell_customers()
        if USABILITY_FIELDS & vals.keys():
            self._release_waiting()
        return result

    def _tell_customers(self):
        """Let the customers' mandates that were read before know of these at once, and not when they are flushed."""
        self._recompute_recordset(["commercial_partner_id"])

    def _release_waiting(self):
        """Start the subscriptions and confirm the accepted quotations that waited for these mandates.

        With all rights: whoever makes a mandate valid, the customer on the portal too, need not see what waits.
        """
        for mandate in self.sudo().filtered("company_id.use_billing"):
            payer = mandate.commercial_partner_id
            if payer and not mandate._get_mandate_problem():
                subscriptions, orders = mandate._get_waiting(mandate.company_id, payer)
                subscriptions._release_each()
                orders._release_each()

    @api.model
    def _get_waiting(self, company, payer):
        """What waits for a mandate of ``payer``: subscriptions, and quotations that were accepted."""
        subscriptions = self.env["sale.subscription"].sudo().with_company(company)
        orders = self.env["sale.order"].sudo().with_company(company)
        theirs = Domain("partner_invoice_id.commercial_partner_id", "=", payer.id)
        return (
            subscriptions.search(subscriptions._get_awaiting_domain(company) & theirs),
            orders.search(orders._get_awaiting_domain(company) & theirs),
        )
