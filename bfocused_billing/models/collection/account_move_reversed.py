from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import format_date


class AccountMove(models.Model):
    """What becomes of the collection of an invoice whose direct debit was reversed."""

    _inherit = "account.move"

    reversal_state = fields.Selection(
        selection=[
            ("retry", "Collected again"),
            ("reminder", "Not collected again: reminder flow"),
            ("mandate", "Waits for a new mandate"),
            ("dispute", "Disputed"),
            ("staff", "A person decides"),
        ],
        string="Follow-up of the reversal",
        copy=False,
        readonly=True,
        index="btree_not_null",
        help="What becomes of this invoice's collection after its direct debit was reversed.",
    )
    collection_retry_date = fields.Date(string="Collected again on", copy=False, readonly=True)
    collection_retry_count = fields.Integer(
        string="Retries", copy=False, readonly=True, help="How many times this invoice was collected again."
    )

    # === ACTIONS

    def action_collect_again(self):
        """Let a reversed invoice be collected again, with the next payment order."""
        self.write(self._prepare_collect_again())

    # === BUSINESS

    @api.model
    def _prepare_collect_again(self):
        return {"reversal_state": False, "collection_retry_date": False}

    def _apply_reversal_state(self, retry_date, otherwise):
        """Set what becomes of the collection.

        :param retry_date: date on which it is collected again, or ``False``
        :param otherwise: value of ``reversal_state`` when it isn't
        """
        self.ensure_one()
        values = {"reversal_state": otherwise, "collection_retry_date": False}
        if retry_date:
            retries = self.collection_retry_count + 1
            values = {
                "reversal_state": "retry",
                "collection_retry_date": retry_date,
                "collection_retry_count": retries,
            }
        self.write(values)

    @api.model
    def _get_to_collect_domain(self, mode):
        # EXTENDS 'bfocused_billing': after a reversal only what is retried or waits for a mandate
        states = Domain("move_id.reversal_state", "in", [False, "retry", "mandate"])
        return super()._get_to_collect_domain(mode) & states

    def _get_collection_floor(self):
        # EXTENDS 'bfocused_billing'
        retry = [self.collection_retry_date] if self.collection_retry_date else []
        return [*super()._get_collection_floor(), *retry]

    def _get_debit_problem(self, day):
        # EXTENDS 'bfocused_billing'
        if self.reversal_state in ("dispute", "staff"):
            return self.env._("Its last debit was reversed. Press Collect again on the invoice when that is settled.")
        return super()._get_debit_problem(day)

    def _take_new_mandates(self):
        """Let invoices of which the mandate was stopped, replaced, expired or never there be collected with the one
        signed since."""
        ended = ("cancel", "expired", False)
        for move in self.filtered(lambda move: move.reversal_state == "mandate" or move.mandate_id.state in ended):
            mandate = move.commercial_partner_id._get_billing_mandate(move.company_id)
            if mandate and mandate != move.mandate_id and not mandate._get_mandate_problem():
                again = move._prepare_collect_again() if move.reversal_state == "mandate" else {}
                move.write({**again, "mandate_id": mandate.id})
                move.message_post(
                    body=self.env._(
                        "Collected with mandate %(mandate)s, signed on %(date)s.",
                        mandate=mandate.unique_mandate_reference,
                        date=format_date(self.env, mandate.signature_date),
                    )
                )
