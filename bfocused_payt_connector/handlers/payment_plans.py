from odoo import Command

from . import lookup
from .base import Handler, PaytWaits
from .payload import read_amount


class PaymentPlansHandler(Handler):
    """Payment plans: their arrangements in Odoo."""

    resource = "payment_plans"

    def prepare(self):
        ids = self.rows.mapped("payt_id")
        arrangements = self.env["bfocused.payment.arrangement"].search(
            [("company_id", "=", self.company.id), ("payt_plan_id", "in", ids)]
        )
        self.arrangements = {arrangement.payt_plan_id: arrangement for arrangement in arrangements}
        self.moves, self.named = self._get_moves_of_plans(ids)
        self.partners = lookup.get_debtors(self.backend, [(row.payload or {}).get("debtor_id") for row in self.rows])

    def _get_moves_of_plans(self, plan_ids):
        """The invoices that PAYT says are in plans now.

        :return: dict of plan to ``account.move`` records, and the set of plans that PAYT names at all
        """
        self.env["payt.mirror"].flush_model()
        self.env.cr.execute(
            """
            SELECT payload->>'active_payment_plan_id', resource, model, res_id FROM payt_mirror
             WHERE backend_id = %s AND resource IN ('invoices', 'credit_cases') AND deleted_at IS NULL
               AND payload->>'active_payment_plan_id' IN %s""",
            [self.backend.id, tuple(plan_ids)],
        )
        moves, named, empty = {}, set(), self.env["account.move"]
        for plan_id, resource, model, res_id in self.env.cr.fetchall():
            named.add(plan_id)
            if resource == "invoices" and model == "account.move" and res_id:
                move = empty.browse(res_id).exists().filtered(lambda one: one.state == "posted")
                moves[plan_id] = moves.get(plan_id, empty) | move
        return moves, named

    # === FOLLOWING

    def apply(self, row):
        plan = row.payload
        moves = self.moves.get(row.payt_id, self.env["account.move"])
        partner = moves[:1].commercial_partner_id or self._get_partner(plan)
        arrangement = self.arrangements.get(row.payt_id)
        if not partner and not arrangement:
            return None  # somebody else's debtor
        arrangement = arrangement or self._find_own_arrangement(plan, partner)
        if self._lacks_invoices(row, arrangement, moves):
            raise PaytWaits(self.env._("The invoices of the plan weren't read since it began."))
        if not arrangement:
            if row.payt_id in self.named and not moves and plan.get("active"):
                return None  # about invoices that aren't Odoo's
            moves = moves or self._get_proposed_moves(plan, partner)
            arrangement = self._make_arrangement(row, partner, moves)
        self.arrangements[row.payt_id] = arrangement
        arrangement._follow_payt_plan(plan, moves)
        return arrangement

    def _lacks_invoices(self, row, arrangement, moves):
        """Whether an active plan has invoices that weren't read since it began."""
        if not row.payload.get("active") or row.payt_id in self.named:
            return False
        return not arrangement or (arrangement.asked_by == "customer" and not moves)

    def _get_partner(self, plan):
        """The customer of a plan; empty for a debtor that isn't Odoo's."""
        debtor_id = str(plan.get("debtor_id"))
        if debtor_id not in self.partners:
            raise PaytWaits(self.env._("The debtor %s of the plan wasn't read yet.", debtor_id))
        return self.partners[debtor_id]

    def _find_own_arrangement(self, plan, partner):
        """The arrangement that this plan was made for, where PAYT's answer was lost; maybe empty."""
        waiting = self.env["bfocused.payment.arrangement"].search(
            [
                ("company_id", "=", self.company.id),
                ("partner_id", "=", partner.id),
                ("payt_plan_id", "=", False),
                ("payt_asked", "=", "payment_plan"),
            ]
        )
        return waiting.filtered(lambda arrangement: arrangement._find_payt_plan([plan]))[:1]

    def _get_proposed_moves(self, plan, partner):
        """The invoices a proposal is about. PAYT doesn't say: all that are open, or the one of that amount.

        :return: ``account.move`` records; empty where neither fits, which is for a person to see
        """
        moves = self.env["account.move"].search(
            [
                ("company_id", "=", self.company.id),
                ("commercial_partner_id", "=", partner.id),
                ("move_type", "=", "out_invoice"),
                ("state", "=", "posted"),
                ("amount_residual", ">", 0),
                ("payt_state", "not in", (False, "none")),
            ]
        )
        total = float(sum(read_amount(term.get("total_amount")) for term in plan.get("payment_terms") or []))
        currency = moves.currency_id
        if len(currency) == 1 and not currency.compare_amounts(sum(moves.mapped("amount_residual")), total):
            return moves
        same = moves.filtered(lambda move: not move.currency_id.compare_amounts(move.amount_residual, total))
        return same if len(same) == 1 else moves.browse()

    def _make_arrangement(self, row, partner, moves):
        plan = row.payload
        arrangements = self.env["bfocused.payment.arrangement"].with_company(self.company)
        arrangement = arrangements.create(
            {
                "company_id": self.company.id,
                "partner_id": partner.id,
                "payt_plan_id": row.payt_id,
                "payt_state": "pushed",
                "asked_by": "customer" if plan.get("proposed_at") else "staff",
                "reason": plan.get("reason"),
                "move_ids": [Command.set(moves.ids)],
            }
        )
        if arrangement._get_payt_plan_state(plan) == "requested":
            localized = arrangement._with_responsible()
            arrangement._tell_responsible(
                localized.env._("A customer asks for a payment arrangement"), plan.get("reason") or ""
            )
        return arrangement

    # === DELETED

    def apply_deleted(self, row):
        """Shown, and left to a person: the invoices are collected there as if it never was."""
        arrangement = self.arrangements.get(row.payt_id)
        if arrangement and arrangement.payt_state != "deleted":
            arrangement.write({"payt_state": "deleted", "payt_asked": False})
            localized = arrangement._with_responsible()
            note = localized.env._("PAYT doesn't have this plan any more. End the arrangement, or make another one.")
            arrangement.message_post(body=note)
            if arrangement.state in ("requested", "agreed"):
                arrangement._tell_responsible(localized.env._("Payment plan deleted at PAYT"), note)
        return arrangement
