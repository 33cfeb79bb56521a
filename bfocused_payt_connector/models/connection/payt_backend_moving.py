from odoo import api, models

# what tells where PAYT's records are; nothing carries over from one to another
ADMINISTRATION_FIELDS = ("environment", "administration_id")
UNSENT_MOVE_VALUES = {
    "payt_state": "none",
    "payt_message": False,
    "payt_invoice_id": False,
    "payt_synced_at": False,
    "payt_pushed_at": False,
    "payt_url": False,
    "payt_block_asked": False,
    "payt_state_before": False,
    "payt_step_state": False,
    "payt_told_at": False,
    "payt_open_amount": 0.0,
    "payt_public_url": False,
    "payt_deleted_at": False,
    "payt_was_deleted": False,
}
# What was read there. Payments that were booked stay: the money came.
MODELS_OF_ADMINISTRATION = ("payt.mirror", "payt.sync.mark", "payt.credit.case", "payt.signal")


class PaytBackend(models.Model):
    """Another administration, as when the demo's makes place for the real one: it has nothing of us yet."""

    _inherit = "payt.backend"

    @api.model_create_multi
    def create(self, vals_list):
        backends = super().create(vals_list)
        backends.company_id._forget_payt_vat_rates()
        return backends

    def write(self, vals):
        """What was handed over to the administration before isn't at the new one."""
        before = {backend: [backend[name] for name in ADMINISTRATION_FIELDS] for backend in self}
        result = super().write(vals)
        for backend, where in before.items():
            if backend._is_elsewhere(*where) and backend._was_used():
                backend.sudo()._forget_what_is_there()
        return result

    def _is_elsewhere(self, environment, administration_id):
        """Whether this is another administration than that one; none meant the only one, which has a number now."""
        is_other = administration_id and administration_id != self.administration_id
        return self.environment != environment or bool(is_other)

    def _was_used(self):
        return bool(
            self.env["payt.outbox"].sudo().search_count([("backend_id", "=", self.id), ("state", "=", "sent")], limit=1)
        )

    def _forget_what_is_there(self):
        """Take all records for unknown to PAYT, so that they can be handed over again. Debtors keep their numbers."""
        company = self.company_id
        waiting = self.env["payt.outbox"].search([("backend_id", "=", self.id), ("state", "=", "pending")])
        waiting.try_lock_for_update(allow_referencing=True)._mark_superfluous(
            self.env._("It was for another administration. Hand it over again.")
        )
        company._forget_payt_vat_rates()
        everything = self.with_context(active_test=False).with_company(company).env
        everything["res.partner"].search([("payt_debtor_state", "in", ("queued", "pushed", "error"))]).write(
            {
                "payt_debtor_state": "none",
                "payt_debtor_message": False,
                "payt_contact_message": False,
                "payt_debtor_synced_at": False,
            }
        )
        there = [("company_id", "=", company.id), ("payt_state", "not in", (False, "none"))]
        everything["account.banking.mandate"].search(there).write({"payt_state": "none", "payt_message": False})
        moves = everything["account.move"].search(there)
        moves.write(UNSENT_MOVE_VALUES)
        moves.payt_event_ids.unlink()
        self._forget_their_numbers(everything)
        for model in MODELS_OF_ADMINISTRATION:
            everything[model].search([("backend_id", "=", self.id)]).unlink()

    def _forget_their_numbers(self, everything):
        """Numbers of payments and plans may mean something else there; and what was paid, is to be told there too."""
        company = [("company_id", "=", self.company_id.id)]
        payments = everything["account.payment"].search([*company, ("payt_payment_id", "!=", False)])
        payments.write(dict.fromkeys(("payt_payment_id", "payt_transaction_id", "payt_reversal_id"), False))
        arrangements = everything["bfocused.payment.arrangement"].search([*company, ("payt_state", "!=", "none")])
        arrangements.write(
            {**dict.fromkeys(("payt_plan_id", "payt_asked", "payt_message", "payt_url"), False), "payt_state": "none"}
        )
        arrangements.term_ids.write({"payt_term_id": False, "payt_open_amount": 0.0})
