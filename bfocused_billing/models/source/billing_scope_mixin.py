from datetime import timedelta

from odoo import api, fields, models
from odoo.fields import Domain

from ...periods import Period, month_before

KINDS_OF_SCOPE = {  # field of the scope: kinds of charges that it lets through
    "scope_subscriptions": {"subscription", "adjustment"},
    "scope_usage": {"usage"},
    "scope_sales": {"sale"},
}


class BillingScopeMixin(models.AbstractModel):
    """What a billing run is limited to (R4): customers, product groups and kinds of charges; all where left empty.

    A limited run bills between two month turns, "as usage demands", so it bills up to its own day: calls and hours so
    far, and orders as they can be invoiced. Subscriptions are billed as ever, by the periods due on its date. The month
    turn bills the rest.
    """

    _name = "bfocused.billing.scope.mixin"
    _description = "Billing: what a run is limited to"

    scope_partner_ids = fields.Many2many(
        "res.partner",
        string="Customers",
        check_company=True,
        context={"active_test": False},  # without those that were archived the run would bill others
        ondelete="restrict",
        help="Only these customers are billed. Empty: all.",
    )
    scope_categ_ids = fields.Many2many(
        "product.category",
        string="Product groups",
        ondelete="restrict",
        help="Only products of these groups are billed. Empty: all.",
    )
    scope_subscriptions = fields.Boolean(
        string="Subscriptions", help="With one or more kinds chosen, only charges of these kinds are billed."
    )
    scope_usage = fields.Boolean(
        string="Calls", help="With one or more kinds chosen, only charges of these kinds are billed."
    )
    scope_sales = fields.Boolean(
        string="Orders", help="With one or more kinds chosen, only charges of these kinds are billed."
    )
    is_scoped = fields.Boolean(
        string="Interim billing",
        compute="_compute_is_scoped",
        store=True,
        help="Limited to some customers, product groups or kinds of charges; bills calls, hours and orders up to its "
        "date. The month turn bills the rest.",
    )

    # === COMPUTE

    @api.depends("scope_partner_ids", "scope_categ_ids", *KINDS_OF_SCOPE)
    def _compute_is_scoped(self):
        for record in self:
            record.is_scoped = bool(
                record.scope_partner_ids or record.scope_categ_ids or any(record[name] for name in KINDS_OF_SCOPE)
            )

    @api.model
    def _get_scope_fields(self):
        return {"scope_partner_ids", "scope_categ_ids", *KINDS_OF_SCOPE}

    # === BUSINESS

    def _get_scope_customers(self):
        """The customers the run is limited to, as commercial entities; ``None`` when it bills all."""
        customers = self.sudo().scope_partner_ids  # a rule that hides one must not make it a run of all
        return customers.commercial_partner_id.sudo(False) if customers else None

    def _bills_kinds(self, kinds):
        """Whether the run bills charges of one of ``kinds``, values of ``bfocused.billing.charge.kind``."""
        chosen = [of_field for name, of_field in KINDS_OF_SCOPE.items() if self[name]]
        return not chosen or any(of_field & set(kinds) for of_field in chosen)

    def _get_scope_product_domain(self, path):
        """Domain of the records whose product is in the chosen product groups.

        :param path: of the field that names the product, such as ``product_id``
        """
        if not self.scope_categ_ids:
            return Domain.TRUE
        return Domain(f"{path}.categ_id", "child_of", self.scope_categ_ids.ids)

    def _bills_whole_customers(self):
        """Whether all that is due to a customer is billed, and so what waits for the quarter turn can go by itself."""
        return not self.scope_categ_ids and self._bills_all_kinds()

    def _bills_all_kinds(self):
        return not any(self[name] for name in KINDS_OF_SCOPE)

    def _get_sale_period(self):
        """The days of which hours and products are billed: the month before (R3), or for a limited run all so far.

        :rtype: periods.Period
        """
        return Period(self.date.replace(day=1), self.date) if self.is_scoped else month_before(self.date)

    def _get_usage_end(self, charge):
        """The last day of the calls that are billed, so that a later invoice of the month begins on the day after.

        On the last day of a month its last day is left to the month turn, as calls may still be made.

        :param charge: ``bfocused.billing.charge`` record of calls
        :rtype: date
        """
        start, end = charge.period_start, charge.period_end
        is_month_end = (end + timedelta(days=1)).day == 1
        if not self.is_scoped or end < self.date or not is_month_end:
            return end
        return max(start, min(self.date, end - timedelta(days=1)))
