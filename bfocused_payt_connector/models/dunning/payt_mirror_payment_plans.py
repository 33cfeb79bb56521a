from odoo import Command, models

from ..incoming.payt_mirror_apply import PaytWaits
from ..outgoing.payment_arrangement import read_amount


class PaytMirror(models.Model):
    """Payment plans: their arrangements in Odoo."""

    _inherit = "payt.mirror"

    _of_plan = models.Index(
        "(backend_id, (payload->>'active_payment_plan_id'))"
        " WHERE resource IN ('invoices', 'credit_cases') AND payload->>'active_payment_plan_id' IS NOT NULL"
    )

    def _get_known_payment_plans(self):
        """What is known of the plans of these rows.

        :return: dict with ``arrangements`` by plan, ``moves`` by plan, ``named`` (plans that a record of PAYT names)
            and ``partners`` by PAYT's debtor
        """
        ids = self.mapped("payt_id")
        arrangements = (
            self.env["bfocused.payment.arrangement"]
            .sudo()
            .search([("company_id", "in", self.company_id.ids), ("payt_plan_id", "in", ids)])
        )
        moves, named = self._get_moves_of_plans(ids)
        debtors = {(row.sudo().payload or {}).get("debtor_id") for row in self}
        return {
            "arrangements": {one.payt_plan_id: one for one in arrangements},
            "moves": moves,
            "named": named,
            "partners": self._get_payt_partners(debtors),
        }

    def _get_moves_of_plans(self, plan_ids):
        """The invoices that PAYT says are in plans now.

        :return: dict of plan to ``account.move`` records, and the set of plans that PAYT names at all
        """
        self.flush_model()
        self.env.cr.execute(
            """
            SELECT payload->>'active_payment_plan_id', resource, model, res_id FROM payt_mirror
             WHERE backend_id IN %s AND resource IN ('invoices', 'credit_cases') AND deleted_at IS NULL
               AND payload->>'active_payment_plan_id' IN %s""",
            [tuple(self.backend_id.ids), tuple(plan_ids)],
        )
        moves, named, empty = {}, set(), self.env["account.move"].sudo()
        for plan_id, resource, model, res_id in self.env.cr.fetchall():
            named.add(plan_id)
            if resource == "invoices" and model == "account.move" and res_id:
                move = empty.browse(res_id).exists().filtered(lambda one: one.state == "posted")
                moves[plan_id] = moves.get(plan_id, empty) | move
        return moves, named

    def _get_payt_partners(self, debtor_ids):
        """Customers by PAYT's id of the debtor; ``None`` for a debtor that isn't Odoo's.

        A debtor that wasn't read yet isn't in it.
        """
        rows = self.sudo().search(
            [
                ("backend_id", "in", self.backend_id.ids),
                ("resource", "=", "debtors"),
                ("payt_id", "in", [str(debtor_id) for debtor_id in debtor_ids if debtor_id]),
            ]
        )
        numbers = {row.payt_id: (row.payload or {}).get("debtor_number") for row in rows}
        partners = self._get_payt_debtors(filter(None, numbers.values()))
        return {payt_id: partners.get(number) for payt_id, number in numbers.items()}

    def _get_payt_debtors(self, numbers):
        """Customers by their debtor number."""
        found = (
            self.env["res.partner"]
            .sudo()
            .with_company(self.company_id[:1])
            .search([("payt_debtor_number", "in", list(numbers))])
        )
        return {partner.payt_debtor_number: partner for partner in found}

    # === FOLLOWING

    def _apply_payment_plans(self, known):
        plan = self.payload
        moves = known["moves"].get(self.payt_id, self.env["account.move"].sudo())
        partner = moves[:1].commercial_partner_id or self._get_plan_partner(plan, known)
        arrangement = known["arrangements"].get(self.payt_id)
        if not partner and not arrangement:
            return None  # somebody else's debtor
        arrangement = arrangement or self._find_own_arrangement(plan, partner)
        is_named = self.payt_id in known["named"]
        if not arrangement:
            if plan.get("active") and not is_named:
                raise PaytWaits(self.env._("The invoices of the plan weren't read since it began."))
            if is_named and not moves and plan.get("active"):
                return None  # about invoices that aren't Odoo's
            moves = moves or self._get_proposed_moves(plan, partner)
            arrangement = self._make_arrangement(plan, partner, moves)
        elif plan.get("active") and arrangement.asked_by == "customer" and not moves and not is_named:
            raise PaytWaits(self.env._("The invoices of the plan weren't read since it began."))
        known["arrangements"][self.payt_id] = arrangement
        arrangement._follow_payt_plan(plan, moves)
        return arrangement

    def _get_plan_partner(self, plan, known):
        debtor_id = str(plan.get("debtor_id"))
        if debtor_id not in known["partners"]:
            raise PaytWaits(self.env._("The debtor %s of the plan wasn't read yet.", debtor_id))
        return known["partners"][debtor_id]

    def _find_own_arrangement(self, plan, partner):
        """The arrangement that this plan was made for, where PAYT's answer was lost; maybe empty."""
        arrangements = self.env["bfocused.payment.arrangement"].sudo()
        waiting = arrangements.search(
            [
                ("company_id", "=", self.company_id.id),
                ("partner_id", "=", partner.id),
                ("payt_plan_id", "=", False),
                ("payt_asked", "=", "payment_plan"),
            ]
        )
        return waiting.filtered(lambda one: one._find_payt_plan([plan]))[:1]

    def _get_proposed_moves(self, plan, partner):
        """The invoices a proposal is about. PAYT doesn't say: all that are open, or the one of that amount.

        :return: ``account.move`` records; empty where neither fits, which is for a person to see
        """
        moves = self.env["account.move"].sudo()
        moves = moves.search(
            [
                ("company_id", "=", self.company_id.id),
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

    def _make_arrangement(self, plan, partner, moves):
        is_proposed = bool(plan.get("proposed_at"))
        arrangement = (
            self.env["bfocused.payment.arrangement"]
            .sudo()
            .with_company(self.company_id)
            .create(
                {
                    "company_id": self.company_id.id,
                    "partner_id": partner.id,
                    "payt_plan_id": self.payt_id,
                    "payt_state": "pushed",
                    "asked_by": "customer" if is_proposed else "staff",
                    "reason": plan.get("reason"),
                    "move_ids": [Command.set(moves.ids)],
                }
            )
        )
        if arrangement._get_payt_plan_state(plan) == "requested":
            told = arrangement._with_responsible()
            arrangement._tell_responsible(
                told.env._("A customer asks for a payment arrangement"), plan.get("reason") or ""
            )
        return arrangement

    def _follow_again(self):
        """What PAYT said last counts again."""
        self.write({"state": "pending", "tries": 0, "next_try_at": False})
        for backend in self.backend_id:
            self._enqueue_apply(backend)

    # === DELETED

    def _apply_deleted_payment_plans(self, known):
        """Shown, and left to a person: the invoices are collected there as if it never was."""
        arrangement = known["arrangements"].get(self.payt_id)
        if arrangement and arrangement.payt_state != "deleted":
            arrangement.write({"payt_state": "deleted", "payt_asked": False})
            told = arrangement._with_responsible()
            note = told.env._("PAYT doesn't have this plan any more. End the arrangement, or make another one.")
            arrangement.message_post(body=note)
            if arrangement.state in ("requested", "agreed"):
                arrangement._tell_responsible(told.env._("Payment plan deleted at PAYT"), note)
        return arrangement
