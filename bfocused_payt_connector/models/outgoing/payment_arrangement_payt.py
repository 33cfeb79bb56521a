from datetime import date
from decimal import Decimal

from odoo import Command, fields, models

ENDED = ("refused", "broken", "kept")
# How far a plan is: what was read before we moved it on doesn't take it back
PROGRESS = {"requested": 0, "agreed": 1, **dict.fromkeys(ENDED, 2)}


def read_amount(value):
    """An amount in a record of PAYT, which is text; 0 where it is empty."""
    return Decimal(str(value or 0))


def read_terms(plan):
    """The terms of a plan in the form in which they are compared: (day, amount), by day."""
    return sorted((term.get("due_date"), read_amount(term.get("total_amount"))) for term in plan["payment_terms"] or [])


class PaymentArrangement(models.Model):
    """Following what PAYT says of a payment plan. Nothing of this goes back to PAYT."""

    _inherit = "bfocused.payment.arrangement"

    # === WHICH PLAN IT IS

    def _get_payt_terms(self):
        """Its terms as :func:`read_terms` gives those of a plan."""
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
        for plan in plans:
            if plan.get("active") and read_terms(plan) == self._get_payt_terms():
                others = [("company_id", "=", self.company_id.id), ("payt_plan_id", "=", str(plan["id"]))]
                if not self.sudo().search_count([*others, ("id", "!=", self.id)], limit=1):
                    return plan
        return None

    # === FOLLOWING

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
        """Commands that make the terms PAYT's."""
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
        """PAYT's moments as a state."""
        if plan.get("rejected_at"):
            return "refused"
        if plan.get("deactivated_at"):
            open_amounts = [read_amount(term.get("amount_due")) for term in plan.get("payment_terms") or []]
            return "broken" if any(open_amounts) else "kept"
        return "agreed" if plan.get("approved_at") or plan.get("active") else "requested"

    def _accepts_payt_state(self, state):
        """Whether PAYT's state is ours, or older than what we did meanwhile. Where it refused us, it is right."""
        self.ensure_one()
        return self.payt_state == "error" or PROGRESS[state] >= PROGRESS[self.state]

    def _take_payt_state(self, state):
        """The state is PAYT's news: nothing goes back there."""
        values = {"agreed_date": fields.Date.context_today(self)} if state == "agreed" else {}
        self._set_state(state, **values)
        if state in ENDED:
            self.write({"payt_state": "pushed", "payt_asked": False, "payt_message": False})
        if state == "broken":
            told = self._with_responsible()
            self._tell_responsible(
                told.env._("Payment arrangement broken"), told.env._("PAYT ended it before everything was paid.")
            )

    # === TERMS THAT WENT BY

    def _treat_late(self, terms):
        # EXTENDS 'bfocused_billing': PAYT ends its own plans; a person may end them sooner
        if self.payt_plan_id:
            return self._tell_late(terms)
        return super()._treat_late(terms)

    def _tell_late_at_payt(self):
        if self.state == "agreed" and self.payt_plan_id:
            late = self._get_late_terms(fields.Date.context_today(self))
            if late:
                self._tell_late(late)

    def _tell_late(self, terms):
        """Tell a person of each term once."""
        untold = terms.filtered(lambda term: not term.is_late_told)
        if untold:
            untold.sudo().is_late_told = True
            told = self._with_responsible()
            self._tell_responsible(
                told.env._("A term of the payment arrangement is late"), told._get_late_reason(untold)
            )
