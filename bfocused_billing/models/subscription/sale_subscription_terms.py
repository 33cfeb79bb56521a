from odoo import Command, api, models
from odoo.exceptions import UserError


class SaleSubscription(models.Model):
    """Who pays for a subscription, in which currency and cycle, and what another cycle does to its prices."""

    _inherit = "sale.subscription"

    @api.onchange("template_id")
    def _onchange_billing_cycle(self):
        # Not a dependency of the price: for companies without billing another template is no other price.
        if self.use_billing:
            self.sale_subscription_line_ids._compute_price_unit()

    # === CRUD

    def write(self, vals):
        # EXTENDS 'subscription_oca': another cycle is another price
        changing = self.browse()
        if "template_id" in vals:
            changing = self.filtered(lambda sub: sub.use_billing and sub.template_id.id != vals["template_id"])
        result = super().write(vals)
        changing.sale_subscription_line_ids.filtered(
            lambda line: line.id not in self._get_priced_lines(vals)
        )._compute_price_unit()
        if "date" in vals:
            self.sale_subscription_line_ids._end_planned()
        return result

    @api.model
    def _get_priced_lines(self, vals):
        """The ids of the lines that are given a price by ``vals`` themselves."""
        commands = vals.get("sale_subscription_line_ids") or []
        return {
            command[1] for command in commands if command[0] == Command.UPDATE and "price_unit" in (command[2] or {})
        }

    # === BUSINESS

    def _check_billed_terms(self, vals):
        # EXTENDS 'bfocused_billing': what is given back goes to whom it was billed to, in the same currency
        result = super()._check_billed_terms(vals)
        for subscription in self:
            problem = subscription._get_payer_problem(vals) or subscription._get_currency_problem(vals)
            if problem and subscription.sale_subscription_line_ids._get_live_charges():
                raise UserError(problem)
        return result

    def _get_payer_problem(self, vals):
        """Why ``vals`` can't be written once something is billed, or an empty text; another address of the payer can.

        :param vals: dict as given to ``write``
        """
        self.ensure_one()
        partner = self.partner_id.browse(vals.get("partner_id", self.partner_id.id))
        payer = self._get_billing_partner()
        if vals.get("partner_invoice_id"):
            payer = partner.browse(vals["partner_invoice_id"])
        elif "partner_invoice_id" in vals or partner != self.partner_id:
            payer = partner.browse(partner.address_get(["invoice"])["invoice"])
        if (
            partner.commercial_partner_id == self.partner_id.commercial_partner_id
            and payer.commercial_partner_id == self._get_billing_partner().commercial_partner_id
        ):
            return ""
        return self.env._(
            "%(subscription)s is billed to %(customer)s already, and what is given back of that is theirs. End it with "
            "a finish date and start a new subscription for the other customer.",
            subscription=self.display_name,
            customer=self._get_billing_partner().display_name,
        )

    def _get_currency_problem(self, vals):
        """Why ``vals`` can't be written once something is billed, or an empty text."""
        self.ensure_one()
        currency = self.pricelist_id.browse(vals.get("pricelist_id", self.pricelist_id.id)).currency_id
        if currency == self.currency_id:
            return ""
        return self.env._(
            "%(subscription)s is billed in %(old)s already, so it can't go on in %(new)s. End it with a finish date "
            "and start a new subscription with the other price list.",
            subscription=self.display_name,
            old=self.currency_id.name,
            new=currency.name,
        )
