from datetime import date
from decimal import Decimal

from odoo import Command, fields, models
from odoo.exceptions import UserError

from ...handlers.payload import read_amount
from ...payt_api.guard import guarded
from ...payt_api.operations import PaymentPlanPayload

ENDED = ("refused", "broken", "kept")
# How far a plan is: what was read before we moved it on doesn't take it back
PROGRESS = {"requested": 0, "agreed": 1, **dict.fromkeys(ENDED, 2)}


def read_terms(plan):
    """The instalments of a plan in the form in which they are compared: (day, amount), by day."""
    return sorted((term.get("due_date"), read_amount(term.get("total_amount"))) for term in plan["payment_terms"] or [])


class PaymentArrangement(models.Model):
    """What was agreed in Odoo, PAYT gets as a payment plan; what a customer proposed there is answered from here.

    PAYT looks after the instalments of the plans it has: it hears of each payment and says when one is kept or broken.
    """

    _name = "bfocused.payment.arrangement"
    _inherit = ["bfocused.payment.arrangement", "payt.record.mixin", "payt.plan.hooks"]

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
        # EXTENDS 'bfocused_billing': PAYT says what is open of the instalments of its plans
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

        :param resource: ``payment_plan`` or the name of a step of it, in ``delivery/resources.py``
        """
        queued = self._queue_payt(resource)
        queued.sudo().write({"payt_state": "queued", "payt_message": False, "payt_asked": resource})

    # === BUSINESS: A NEW PLAN

    def _get_payt_debtor_number(self):
        self.ensure_one()
        return self.partner_id.with_company(self.company_id).payt_debtor_number

    def _get_payt_key_payment_plan(self):
        self.ensure_one()
        return str(self.id)

    def _prepare_payt_payment_plan(self, backend):
        """Its invoices and instalments; ``None`` when PAYT has it, or it isn't in force any more."""
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

    # === BUSINESS: STEPS OF A PLAN

    def _get_payt_key_payment_plan_step(self):
        self.ensure_one()
        return self.payt_plan_id

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

    # === BUSINESS: ANSWERS

    def _note_payt_answer(self, resource):
        """PAYT did it; something else may have been asked since."""
        if self.payt_asked in (False, resource):
            self.sudo().write({"payt_state": "pushed", "payt_message": False, "payt_asked": False})

    def _note_payt_refusal(self, reasons):
        """PAYT's words for a person, who is told: what was decided in Odoo isn't so at PAYT."""
        message = "; ".join(reasons)
        self.sudo().write({"payt_state": "error", "payt_message": message})
        # what we decided isn't so there: its own state counts again
        self._follow_payt_plan_again()
        localized = self._with_responsible()
        self._tell_responsible(localized.env._("PAYT refused the payment arrangement"), message)

    # === BUSINESS: WHICH PLAN IT IS

    def _get_payt_terms(self):
        """Its instalments as :func:`read_terms` gives those of a plan."""
        self.ensure_one()
        places = self.currency_id.decimal_places
        return sorted(
            (str(term.due_date), Decimal(f"{self.currency_id.round(term.amount):.{places}f}")) for term in self.term_ids
        )

    def _find_payt_plan(self, plans):
        """The plan among PAYT's that was made for this arrangement, its answer having been lost.

        :param plans: dicts as PAYT lists them, of this debtor
        """
        self.ensure_one()
        for plan in sorted(plans, key=lambda plan: not plan.get("active")):
            if self._may_be_made_for(plan) and read_terms(plan) == self._get_payt_terms():
                others = [("company_id", "=", self.company_id.id), ("payt_plan_id", "=", str(plan["id"]))]
                if not self.sudo().search_count([*others, ("id", "!=", self.id)], limit=1):
                    return plan
        return None

    def _may_be_made_for(self, plan):
        """Whether a plan of PAYT's is in force, or was since this was agreed: it may be over before we heard of it."""
        approved = str(plan.get("approved_at") or "")[:10]
        earliest = fields.Date.subtract(self.agreed_date, days=1) if self.agreed_date else None
        return bool(plan.get("active") or (approved and earliest and approved >= str(earliest)))

    # === BUSINESS: FOLLOWING

    def _follow_payt_plan(self, plan, moves):
        """Take over what PAYT says of the plan, and of its state what it may decide.

        :param plan: dict as PAYT lists it
        :param moves: ``account.move`` records, those of the plan as far as known
        """
        self.ensure_one()
        state, is_new_here = self._get_payt_plan_state(plan), not self.payt_plan_id
        values = {"payt_plan_id": str(plan["id"])}
        if plan.get("public_url"):
            values["payt_url"] = plan["public_url"]
        if self.payt_state in ("none", "deleted") or self.payt_asked == "payment_plan":
            values.update(payt_state="pushed", payt_asked=False, payt_message=False)
        if moves and moves != self.move_ids:
            values["move_ids"] = [Command.set(moves.ids)]
        self.write({**values, "term_ids": self._prepare_payt_terms(plan)})
        if state != self.state and self._accepts_payt_state(state):
            self._take_payt_state(state)
        elif is_new_here and self.state == "broken":  # ended here before we knew that PAYT has it
            self._ask_payt_end()
        self._tell_late_at_payt()

    def _prepare_payt_terms(self, plan):
        """Commands that make the instalments PAYT's."""
        known = {term.payt_term_id: term for term in self.term_ids if term.payt_term_id}
        own = {(str(t.due_date), self.currency_id.round(t.amount)): t for t in self.term_ids if not t.payt_term_id}
        commands, seen = [], self.term_ids.browse()
        for term in plan.get("payment_terms") or []:
            values = self._prepare_payt_term(term)
            same = (str(values["due_date"]), self.currency_id.round(values["amount"]))
            line = known.get(values["payt_term_id"]) or own.pop(same, None)
            seen |= line or seen
            commands.append(Command.update(line.id, values) if line else Command.create(values))
        return commands + [Command.delete(line.id) for line in self.term_ids - seen]

    def _prepare_payt_term(self, term):
        paid = term.get("payment_date")
        return {
            "payt_term_id": str(term.get("id")),
            "due_date": date.fromisoformat(term["due_date"]),
            "amount": float(read_amount(term.get("total_amount"))),
            "payt_open_amount": float(read_amount(term.get("amount_due"))),
            "paid_date": date.fromisoformat(paid[:10]) if paid else False,
        }

    def _get_payt_plan_state(self, plan):
        """PAYT's moments as a state.

        A plan may be over without a moment that says so: then its instalments tell, by what is open of them and since
        when. One that is still active is PAYT's to end.
        """
        if plan.get("rejected_at"):
            return "refused"
        terms = plan.get("payment_terms") or []
        unpaid = [term for term in terms if read_amount(term.get("amount_due"))]
        if plan.get("deactivated_at"):
            return "broken" if unpaid else "kept"
        if not plan.get("approved_at") and not plan.get("active"):
            return "requested"
        if terms and not unpaid:
            return "kept"
        return "broken" if not plan.get("active") and self._are_late_at_payt(unpaid) else "agreed"

    def _are_late_at_payt(self, terms):
        """Whether one of these instalments of a plan is late, its days of grace included."""
        today = fields.Date.context_today(self)
        last = fields.Date.subtract(today, days=self.company_id.arrangement_grace_days)
        return any(term["due_date"] < str(last) for term in terms)

    def _accepts_payt_state(self, state):
        """Whether PAYT's state replaces ours: it isn't older than what we did meanwhile, or PAYT refused that."""
        self.ensure_one()
        return self.payt_state == "error" or PROGRESS[state] >= PROGRESS[self.state]

    def _take_payt_state(self, state):
        """The state is PAYT's news: nothing goes back there."""
        values = {"agreed_date": fields.Date.context_today(self)} if state == "agreed" else {}
        self._set_state(state, **values)
        if state in ENDED:
            self.write({"payt_state": "pushed", "payt_asked": False, "payt_message": False})
        if state == "broken":
            localized = self._with_responsible()
            self._tell_responsible(
                localized.env._("Payment arrangement broken"),
                localized.env._("PAYT ended it before everything was paid."),
            )

    # === BUSINESS: LATE INSTALMENTS

    def _treat_late(self, terms):
        # EXTENDS 'bfocused_billing': PAYT ends its own plans; a person may end them sooner. One that it ended without a
        # moment is broken as of today.
        if self.payt_plan_id:
            self._tell_late(terms)
            return self._follow_payt_plan_again()
        return super()._treat_late(terms)

    def _tell_late_at_payt(self):
        if self.state == "agreed" and self.payt_plan_id:
            late = self._get_late_terms(fields.Date.context_today(self))
            if late:
                self._tell_late(late)

    def _tell_late(self, terms):
        """Tell a person of each late instalment once."""
        untold = terms.filtered(lambda term: not term.is_late_told)
        if untold:
            untold.sudo().is_late_told = True
            localized = self._with_responsible()
            self._tell_responsible(
                localized.env._("An instalment of the payment arrangement is late"), localized._get_late_reason(untold)
            )
