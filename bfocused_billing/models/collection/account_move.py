from decimal import Decimal

from odoo import Command, api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from ...instalments import equal_instalments


class AccountMove(models.Model):
    """An invoice that is paid in terms isn't collected at once."""

    _inherit = "account.move"

    arrangement_ids = fields.Many2many(
        "bfocused.payment.arrangement",
        string="Payment arrangements",
        copy=False,
        readonly=True,
        groups="bfocused_billing.group_billing_user",
        bypass_search_access=True,
    )
    has_arrangement = fields.Boolean(compute="_compute_has_arrangement", compute_sudo=True)

    # === COMPUTE

    @api.depends("arrangement_ids.state")
    def _compute_has_arrangement(self):
        for move in self:
            move.has_arrangement = bool(move._get_arrangement())

    # === ACTIONS

    def action_open_arrangement(self):
        """The arrangement that was requested or agreed for this invoice."""
        self.ensure_one()
        arrangement = self._get_arrangement(("agreed", "requested"))
        return {
            "type": "ir.actions.act_window",
            "res_model": arrangement._name,
            "res_id": arrangement.id,
            "view_mode": "form",
        }

    # === BUSINESS

    def _get_arrangement(self, states=("agreed",)):
        """The arrangement by which this invoice is paid; maybe empty."""
        self.ensure_one()
        arrangements = self.sudo().arrangement_ids
        return next((one for state in states for one in arrangements if one.state == state), arrangements.browse())

    @api.model
    def _get_to_collect_domain(self, mode):
        # EXTENDS 'bfocused_billing'
        return super()._get_to_collect_domain(mode) & ~Domain("move_id.arrangement_ids.state", "=", "agreed")

    def _get_debit_problem(self, day):
        # EXTENDS 'bfocused_billing'
        if self._get_arrangement():
            return self.env._("It is paid in the terms of a payment arrangement.")
        return super()._get_debit_problem(day)

    def _invoice_paid_hook(self):
        # EXTENDS 'account': the last payment ends an arrangement as it should
        result = super()._invoice_paid_hook()
        self.sudo().arrangement_ids._keep_paid()
        return result

    # === MAKING ONE

    def _get_for_arrangement(self):
        """Those of these that can be paid in terms.

        :raise UserError: when they don't belong together, or there is none
        """
        moves = self.filtered(
            lambda move: move.move_type == "out_invoice" and move.state == "posted" and move.amount_residual > 0
        )
        if not moves:
            raise UserError(self.env._("A payment arrangement is about open invoices; choose some."))
        if len(moves.company_id) > 1 or len(moves.commercial_partner_id) > 1 or len(moves.currency_id) > 1:
            raise UserError(self.env._("Choose invoices of one customer, in one company and one currency."))
        return moves

    def _get_equal_terms(self, count, first_date):
        """What is open of these invoices in equal monthly terms.

        :return: list of (date, Decimal)
        """
        currency = self.currency_id
        step = Decimal(str(currency.rounding))
        amount = (Decimal(str(sum(self.mapped("amount_residual")))) / step).quantize(Decimal(1)) * step
        try:
            return equal_instalments(amount, count, first_date, step)
        except ValueError as err:
            raise UserError(
                self.env._(
                    "%(amount)s can't be paid in %(count)s terms.", amount=currency.format(float(amount)), count=count
                )
            ) from err

    def _prepare_arrangement(self, count, first_date, **values):
        """Values of an arrangement in equal monthly terms."""
        moves = self._get_for_arrangement()
        return {
            "company_id": moves.company_id.id,
            "partner_id": moves.commercial_partner_id.id,
            "move_ids": [Command.set(moves.ids)],
            "term_ids": [
                Command.create({"due_date": day, "amount": float(amount)})
                for day, amount in moves._get_equal_terms(count, first_date)
            ],
            **values,
        }
