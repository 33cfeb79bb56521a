from odoo.tools import SQL

from .booking import UsageBooking


class UsageRebooking(UsageBooking):
    """Calls whose invoice was cancelled or credited are billed again; they return when that is undone.

    A void charge stays as history, and remembers which calls it had and at what amounts. A call is in one charge at a
    time: it comes back from an open or a void charge, never from one that is on a living invoice.
    """

    def find_void(self, names=None):
        """Charges whose invoice is gone, and that still have their calls.

        :param names: only of numbers of these names; default: of all
        :return: list of ids
        """
        self.env.flush_all()
        self.cr.execute(
            SQL(
                """
                SELECT charge.id
                  FROM bfocused_billing_charge AS charge
                  JOIN bfocused_usage_number AS number ON number.id = charge.usage_number_id
                 WHERE charge.company_id = %s AND charge.kind = 'usage' AND charge.state = 'void' AND %s
                   AND EXISTS (SELECT FROM bfocused_usage_record AS record WHERE record.charge_id = charge.id)
                """,
                self.company.id,
                SQL("TRUE") if names is None else SQL("number.name = ANY(%s)", list(names)),
            )
        )
        return [charge_id for (charge_id,) in self.cr.fetchall()]

    def rebook_void(self, charge_ids):
        """Put the calls of void charges in open charges, at the amounts they had.

        Calls of days that are no longer the number's wait, or go to whose number it was on these days.
        """
        self.env.flush_all()
        self.lock()
        void = SQL("charge.id IN %s AND charge.state = 'void'", tuple(charge_ids))
        self._remember(void)
        moved = self.release(SQL("%s AND NOT %s", void, self._is_of_number()))
        self.drop("usage_rated")
        self.cr.execute(
            SQL(
                """
                CREATE TEMP TABLE usage_rated ON COMMIT DROP AS
                SELECT record.id AS record_id, record.seconds, record.amount, record.problem,
                       charge.usage_number_id AS number_id,
                       charge.usage_destination_id AS destination_id, charge.period_start AS month
                  FROM bfocused_billing_charge AS charge
                  JOIN bfocused_usage_record AS record ON record.charge_id = charge.id
                 WHERE %s
                """,
                void,
            )
        )
        self.book()
        self._update_waiting()
        self.env.invalidate_all()
        if moved:
            names = "SELECT name FROM bfocused_usage_number JOIN bfocused_billing_charge AS charge"
            names = SQL(f"{names} ON charge.usage_number_id = bfocused_usage_number.id WHERE %s", void)
            self.book_waiting(SQL("record.number IN (%s)", names))

    def _is_of_number(self):
        """Condition on ``record`` and ``charge``: the call's day is one on which the number was the charge's."""
        return SQL(
            "EXISTS (SELECT FROM bfocused_usage_number AS number WHERE number.id = charge.usage_number_id"
            " AND daterange(number.date_start, number.date_end)"
            " @> (record.started_at AT TIME ZONE 'UTC' AT TIME ZONE %s)::date)",
            self.company.billing_tz,
        )

    def _remember(self, condition):
        """Note which calls charges have that they are about to lose.

        :param condition: SQL condition on ``record`` and ``charge``
        """
        self.cr.execute(
            SQL(
                """
                INSERT INTO bfocused_usage_former AS former (charge_id, record_id, amount)
                SELECT charge.id, record.id, record.amount
                  FROM bfocused_billing_charge AS charge
                  JOIN bfocused_usage_record AS record ON record.charge_id = charge.id
                 WHERE %s
           ON CONFLICT (charge_id, record_id) DO UPDATE SET amount = excluded.amount
                """,
                condition,
            )
        )

    # === UNDONE

    def find_rival(self, charge_ids):
        """A charge that stands in the way of void charges that are about to live again.

        It bills their calls, or others of the same number, class and month; or it is about to live again itself.

        :return: (id of the charge, id of its rival), or ``None``
        """
        self.env.flush_all()
        self.cr.execute(
            SQL(
                """
                SELECT former.charge_id, other.id
                  FROM bfocused_usage_former AS former
                  JOIN bfocused_usage_record AS record ON record.id = former.record_id
                  JOIN bfocused_billing_charge AS other ON other.id = record.charge_id AND other.id <> former.charge_id
                 WHERE former.charge_id IN %(ids)s AND (other.state IN ('drafted', 'billed') OR other.id IN %(ids)s)
             UNION ALL
                SELECT former.charge_id, other.charge_id
                  FROM bfocused_usage_former AS former
                  JOIN bfocused_usage_former AS other USING (record_id)
                 WHERE former.charge_id IN %(ids)s AND other.charge_id IN %(ids)s
                   AND other.charge_id <> former.charge_id
             UNION ALL
                SELECT charge.id, other.id
                  FROM bfocused_billing_charge AS charge
                  JOIN bfocused_billing_charge AS other
                       USING (usage_number_id, usage_destination_id, period_start)
                 WHERE charge.id IN %(ids)s AND other.kind = 'usage' AND other.state IN ('drafted', 'billed')
                 LIMIT 1
                """,
                ids=tuple(charge_ids),
            )
        )
        return self.cr.fetchone()

    def take_back(self, charge_ids):
        """Give void charges that are about to live again the calls they had, at the amounts they had.

        :return: ids of open charges that had to make room: void until their calls are booked anew
        """
        self.env.flush_all()
        self.lock()
        ids = tuple(charge_ids)
        self._remember(
            SQL(
                "charge.state = 'void' AND charge.id NOT IN %s AND record.id IN"
                " (SELECT record_id FROM bfocused_usage_former WHERE charge_id IN %s)",
                ids,
                ids,
            )
        )
        self.cr.execute(
            SQL(
                """
                WITH taken AS (
                    SELECT record.id, record.charge_id, former.charge_id AS own_id, former.amount
                      FROM bfocused_usage_former AS former
                      JOIN bfocused_usage_record AS record ON record.id = former.record_id
                     WHERE former.charge_id IN %s AND record.charge_id IS DISTINCT FROM former.charge_id)
                UPDATE bfocused_usage_record AS record
                   SET charge_id = taken.own_id, amount = taken.amount, problem = NULL
                  FROM taken
                 WHERE taken.id = record.id
             RETURNING taken.charge_id
                """,
                ids,
            )
        )
        losers = {charge_id for (charge_id,) in self.cr.fetchall() if charge_id}
        if losers:
            self._count_anew(losers)
        self.cr.execute(
            SQL(
                """
                UPDATE bfocused_billing_charge AS twin
                   SET state = 'void'
                  FROM bfocused_billing_charge AS charge
                 WHERE charge.id IN %s AND twin.kind = 'usage' AND twin.state = 'open'
                   AND twin.usage_number_id = charge.usage_number_id
                   AND twin.usage_destination_id = charge.usage_destination_id
                   AND twin.period_start = charge.period_start
             RETURNING twin.id
                """,
                ids,
            )
        )
        twins = [charge_id for (charge_id,) in self.cr.fetchall()]
        self.env.invalidate_all()
        return twins

    def book_later(self, twin_ids):
        """Book the calls of charges that made room in the next month that is open; those charges were never billed."""
        self.rebook_void(twin_ids)
        self.cr.execute(SQL("DELETE FROM bfocused_billing_charge WHERE id IN %s", tuple(twin_ids)))
        self.env.invalidate_all()
