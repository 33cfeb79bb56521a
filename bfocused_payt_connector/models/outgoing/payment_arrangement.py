from odoo import fields, models
from odoo.exceptions import UserError

from ...payt_api.guard import guarded
from ...payt_api.payloads import PaymentPlanPayload


class PaymentArrangement(models.Model):
    """What was agreed in Odoo, PAYT gets as a payment plan; what a customer proposed there is answered from here.

    PAYT looks after the terms of the plans it has: it hears of each payment and says when one is kept or broken.
    """

    _name = "bfocused.payment.arrangement"
    _inherit = ["bfocused.payment.arrangement", "payt.record.mixin"]

    payt_plan_id = fields.Char(string="PAYT's id", readonly=True, copy=False, index="btree_not_null")
    payt_state = fields.Selection(
        [
            ("none", "Not at PAYT"),
            ("queued", "On its way"),
            ("pushed", "At PAYT"),
            ("deleted", "Deleted at PAYT"),
            ("error", "Refused"),
        ],
        string="PAYT",
        default="none",
        required=True,
        readonly=True,
        copy=False,
    )
    payt_message = fields.Char(string="PAYT message", readonly=True, copy=False, groups="base.group_user")
    payt_asked = fields.Char(readonly=True, copy=False, help="What PAYT was asked last, and hasn't answered.")
    payt_url = fields.Char(string="Page at PAYT", readonly=True, copy=False)

    _payt_plan_once = models.UniqueIndex(
        "(company_id, payt_plan_id) WHERE payt_plan_id IS NOT NULL", "This plan of PAYT has an arrangement already."
    )

    # === COMPUTE

    def _get_term_rests(self):
        # EXTENDS 'bfocused_billing': PAYT says what is open of the terms of its plans
        if not self.payt_plan_id or not self.term_ids.filtered("payt_term_id"):
            return super()._get_term_rests()
        return {term: term.payt_open_amount for term in self.term_ids}

    def _is_watched_here(self):
        # EXTENDS 'bfocused_billing'
        return super()._is_watched_here() and not self.payt_plan_id

    def _is_editable(self):
        # EXTENDS 'bfocused_billing': what was proposed at PAYT is taken or left as it is
        return super()._is_editable() and not self.payt_plan_id

    # === ACTIONS

    def action_payt_retry(self):
        """Ask PAYT once more what it refused."""
        self.check_access("write")
        for arrangement in self.filtered(lambda one: one.payt_state == "error" and one.payt_asked):
            arrangement._ask_payt_again()

    def action_open_payt(self):
        """The plan's page at PAYT."""
        self.ensure_one()
        return {"type": "ir.actions.act_url", "url": self.payt_url, "target": "new"}

    # === BUSINESS

    def _ask_payt_again(self):
        """As before; where PAYT's refusal took our state back, decide once more."""
        asked = self.payt_asked
        if asked == "payment_plan_approval" and self.state == "requested":
            self._agree()
        elif asked == "payment_plan_rejection" and self.state == "requested":
            self._refuse()
        elif asked == "payment_plan_end" and self.state == "agreed":
            self._break(self.env._("Ended by %s.", self.env.user.name))
        else:
            self._ask_payt(asked)

    def _agree(self):
        # EXTENDS 'bfocused_billing'
        result = super()._agree()
        for arrangement in self:
            if arrangement.payt_plan_id:
                arrangement._ask_payt("payment_plan_approval")
            elif any(move._is_known_at_payt() for move in arrangement.sudo().move_ids):
                arrangement._ask_payt("payment_plan")
        return result

    def _refuse(self):
        # EXTENDS 'bfocused_billing'
        result = super()._refuse()
        self.filtered("payt_plan_id")._ask_payt("payment_plan_rejection")
        return result

    def _break(self, reason):
        # EXTENDS 'bfocused_billing': what we end, PAYT ends too
        result = super()._break(reason)
        self._detach_from_payt()
        self._ask_payt_end()
        return result

    def _keep(self):
        # EXTENDS 'bfocused_billing'
        result = super()._keep()
        self._detach_from_payt()
        return result

    def _detach_from_payt(self):
        """What PAYT hasn't got yet, it doesn't get any more.

        An answer may be lost: ``payt_asked`` stays, by which such a plan is known when it is read.
        """
        self.filtered(lambda one: not one.payt_plan_id and one.payt_state != "none").sudo().write(
            {"payt_state": "none", "payt_message": False}
        )

    def _ask_payt_end(self):
        self.filtered(lambda one: one.payt_plan_id and one.payt_state != "deleted")._ask_payt("payment_plan_end")

    def _ask_payt(self, resource):
        """Put into the outbox what PAYT has to do.

        :param resource: ``payment_plan`` or a name in ``const.PLAN_STEPS``
        """
        queued = self._queue_payt(resource)
        queued.sudo().write({"payt_state": "queued", "payt_message": False, "payt_asked": resource})

    # === A NEW PLAN

    def _get_payt_debtor_number(self):
        self.ensure_one()
        return self.partner_id.with_company(self.company_id).payt_debtor_number

    def _get_payt_key_payment_plan(self):
        self.ensure_one()
        return str(self.id)

    def _prepare_payt_payment_plan(self, backend):
        """Its invoices and terms; ``None`` when PAYT has it, or it isn't in force any more."""
        self.ensure_one()
        if self.state != "agreed" or self.payt_plan_id:
            return None
        unknown = self.sudo().move_ids.filtered(lambda move: not move._is_known_at_payt())
        if unknown:
            names = ", ".join(unknown.mapped("display_name"))
            raise UserError(self.env._("PAYT doesn't have these invoices of the arrangement: %s.", names))
        return guarded(
            PaymentPlanPayload,
            {
                "invoice_numbers": [move._get_payt_key_invoice() for move in self.sudo().move_ids],
                "terms": [
                    {"amount": self.currency_id.round(term.amount), "due_date": term.due_date}
                    for term in self.term_ids.sorted("due_date")
                ],
            },
        )

    def _payt_taken_payment_plan(self, backend, answer):
        self.ensure_one()
        plan_id = answer.get("id") or self.payt_plan_id
        self.sudo().write(
            {"payt_plan_id": plan_id and str(plan_id), "payt_url": answer.get("public_url") or self.payt_url}
        )
        self._note_payt_answer("payment_plan")
        if self.state == "broken":  # ended while its plan was being made
            self._ask_payt_end()

    def _payt_refused_payment_plan(self, backend, reasons):
        self._note_payt_refusal(reasons)

    # === STEPS OF A PLAN

    def _get_payt_key_payment_plan_approval(self):
        self.ensure_one()
        return self.payt_plan_id

    def _get_payt_key_payment_plan_rejection(self):
        return self._get_payt_key_payment_plan_approval()

    def _get_payt_key_payment_plan_end(self):
        return self._get_payt_key_payment_plan_approval()

    def _prepare_payt_step(self, state, resource):
        self.ensure_one()
        is_wanted = self.payt_plan_id and self.state == state and self.payt_asked == resource
        return {"payment_plan_id": self.payt_plan_id} if is_wanted else None

    def _prepare_payt_payment_plan_approval(self, backend):
        return self._prepare_payt_step("agreed", "payment_plan_approval")

    def _prepare_payt_payment_plan_rejection(self, backend):
        return self._prepare_payt_step("refused", "payment_plan_rejection")

    def _prepare_payt_payment_plan_end(self, backend):
        return self._prepare_payt_step("broken", "payment_plan_end")

    def _payt_taken_payment_plan_approval(self, backend, answer):
        self._note_payt_answer("payment_plan_approval")

    def _payt_taken_payment_plan_rejection(self, backend, answer):
        self._note_payt_answer("payment_plan_rejection")

    def _payt_taken_payment_plan_end(self, backend, answer):
        self._note_payt_answer("payment_plan_end")

    def _payt_refused_payment_plan_approval(self, backend, reasons):
        self._note_payt_refusal(reasons)

    def _payt_refused_payment_plan_rejection(self, backend, reasons):
        self._note_payt_refusal(reasons)

    def _payt_refused_payment_plan_end(self, backend, reasons):
        self._note_payt_refusal(reasons)

    # === ANSWERS

    def _note_payt_answer(self, resource):
        """PAYT did it; something else may have been asked since."""
        if self.payt_asked in (False, resource):
            self.sudo().write({"payt_state": "pushed", "payt_message": False, "payt_asked": False})

    def _note_payt_refusal(self, reasons):
        """PAYT's words for a person, who is told: what was decided in Odoo isn't so at PAYT."""
        message = "; ".join(reasons)
        self.sudo().write({"payt_state": "error", "payt_message": message})
        # what we decided isn't so there: its own state counts again
        rows = self.env["payt.mirror"].sudo()
        rows = rows.search(
            [
                ("backend_id", "in", self._get_payt_backend().ids),
                ("resource", "=", "payment_plans"),
                ("payt_id", "=", self.payt_plan_id or ""),
            ]
        )
        rows.filtered(lambda row: row.state == "done")._follow_again()
        told = self._with_responsible()
        self._tell_responsible(told.env._("PAYT refused the payment arrangement"), message)
