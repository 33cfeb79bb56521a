from odoo.tools import SQL, float_repr

from . import layout

LOCK = 0x62667573  # first half of the key of the advisory lock; the second is the company's id
MOST_MONTHS_LATER = 600


class UsageBooking:
    """Rate calls and put them in open charges: one per number, destination class and month.

    :param env: environment
    :param company: ``res.company`` record
    """

    def __init__(self, env, company):
        self.env = env
        self.cr = env.cr
        self.company = company

    def lock(self):
        """Wait until no other transaction books calls of the company, and make room for large joins in memory."""
        self.cr.execute(SQL("SET LOCAL work_mem = '256MB'"))
        self.cr.execute(SQL("SET LOCAL jit = off"))
        self.cr.execute(SQL("SELECT pg_advisory_xact_lock(%s, %s)", LOCK, self.company.id))

    # === RATE

    def rate(self, profile, source, condition, kept):
        """Make the table ``usage_rated``: the rows of the source with number, destination class, month and amount.

        :param source: SQL of a query with number, dialled, day, seconds, cost, supplier_class and what is kept
        :param condition: SQL condition on ``source``
        :param kept: names of columns of the source that the table has as well
        """
        longest = self._match_prefixes(profile, source)
        self._match_classes(profile, source)
        self.drop("usage_rated")
        self.cr.execute(
            SQL(
                """
                CREATE TEMP TABLE usage_rated ON COMMIT DROP AS
                SELECT %(kept)s, number.id AS number_id, %(destination)s AS destination_id,
                       date_trunc('month', source.day::timestamp)::date AS month,
                       CASE WHEN number.id IS NULL THEN 'unknown' WHEN %(destination)s IS NULL THEN 'unrated' END
                           AS problem,
                       CASE WHEN number.id IS NULL OR %(destination)s IS NULL THEN 0 ELSE %(amount)s END AS amount
                  FROM (%(source)s) AS source
             LEFT JOIN bfocused_usage_number AS number
                    ON number.name = source.number AND number.company_id = %(company)s
                   AND (number.date_start IS NULL OR number.date_start <= source.day)
                   AND (number.date_end IS NULL OR source.day < number.date_end)
             LEFT JOIN usage_match AS match
                    ON match.tariff_id = COALESCE(number.tariff_id, %(tariff)s)
                   AND match.dial = left(%(dial)s, %(longest)s)
             LEFT JOIN bfocused_usage_tariff_rate AS rate ON rate.id = match.rate_id
             LEFT JOIN usage_class AS class ON class.written = source.supplier_class
                 WHERE %(condition)s
                """,
                kept=SQL(", ").join(SQL.identifier("source", name) for name in kept),
                destination=self._destination(profile),
                amount=self._amount(profile),
                dial=self._dial(SQL.identifier("source", "dialled")),
                source=source,
                company=self.company.id,
                tariff=profile.tariff_id.id or None,
                longest=longest,
                condition=condition,
            )
        )

    def _destination(self, profile):
        if profile.rating == "tariff":
            return SQL("rate.destination_id")
        other = self.env.ref("bfocused_billing.usage_destination_other")
        return SQL("COALESCE(class.destination_id, rate.destination_id, %s)", other.id)

    def _dial(self, cell):
        return layout.dial_sql(cell, self.company._get_usage_country_code())

    def _amount(self, profile):
        """Amount in the company's currency, in 6 decimals."""
        if profile.rating == "supplier":
            factor = float_repr(1 + profile.margin_percent / 100, 6)
            return SQL("round(source.cost * %s::numeric, 6)", factor)
        return SQL(
            "CASE WHEN source.seconds = 0 THEN 0"
            " ELSE round(COALESCE(rate.connection_fee, 0) + COALESCE(rate.price_minute, 0)"
            " * ((greatest(source.seconds, rate.minimum_seconds) + rate.step_seconds - 1) / rate.step_seconds"
            " * rate.step_seconds) / 60, 6) END"
        )

    def _match_prefixes(self, profile, source):
        """Make the table ``usage_match``: the rate with the longest prefix, by tariff and prefix of what was dialled.

        :return: how many characters of the prefix matter
        """
        self.drop("usage_match")
        numbers = self.env["bfocused.usage.number"].sudo()
        own = numbers._read_group([("company_id", "=", self.company.id)], ["tariff_id"])
        tariffs = profile.tariff_id.union(*(tariff for (tariff,) in own))
        rates = "SELECT %s FROM bfocused_usage_tariff_rate WHERE tariff_id IN %s"
        tariff_ids = tuple(tariffs.ids) or (0,)
        self.cr.execute(SQL(rates, SQL("max(length(prefix))"), tariff_ids))
        longest = self.cr.fetchone()[0] or 0
        self.cr.execute(
            SQL(
                """
                CREATE TEMP TABLE usage_match ON COMMIT DROP AS
                SELECT DISTINCT ON (rate.tariff_id, dial) rate.tariff_id, dial, rate.id AS rate_id
                  FROM (SELECT DISTINCT left(%(dial)s, %(longest)s) AS dial FROM (%(source)s) AS source) AS dialled
            CROSS JOIN (%(lengths)s) AS prefix
                  JOIN bfocused_usage_tariff_rate AS rate
                    ON rate.prefix = left(dial, prefix.length) AND length(dial) >= prefix.length
                 WHERE rate.tariff_id IN %(tariffs)s
              ORDER BY rate.tariff_id, dial, prefix.length DESC
                """,
                dial=self._dial(SQL.identifier("dialled")),
                longest=longest,
                source=source,
                lengths=SQL(rates, SQL("DISTINCT length(prefix) AS length"), tariff_ids),
                tariffs=tariff_ids,
            )
        )
        self.cr.execute(SQL("ANALYZE usage_match"))
        return longest

    def _match_classes(self, profile, source):
        """Make the table ``usage_class``: the destination class by how the supplier writes it; new ones are made.

        An archived class is still the class of that name.
        """
        self.drop("usage_class")
        self.cr.execute(SQL("CREATE TEMP TABLE usage_class (written text, destination_id int) ON COMMIT DROP"))
        if not profile.column_class:
            return
        self.cr.execute(SQL("SELECT DISTINCT supplier_class FROM (%s) AS source WHERE supplier_class <> ''", source))
        codes = {written: layout.normalize_class(written) for (written,) in self.cr.fetchall()}
        names = {code: written.strip() for written, code in sorted(codes.items(), reverse=True) if code}
        destinations = self.env["bfocused.usage.destination"].sudo().with_context(active_test=False)
        known = destinations.search([("code", "in", list(names))])
        known += destinations.create(
            [{"name": names[code], "code": code} for code in sorted(names.keys() - set(known.mapped("code")))]
        )
        self.env.flush_all()
        ids = {destination.code: destination.id for destination in known}
        for written, code in codes.items():
            if code:
                self.cr.execute(SQL("INSERT INTO usage_class VALUES (%s, %s)", written, ids[code]))

    # === BOOK

    def book(self):
        """Put what was rated in open charges. The table ``usage_sum`` tells the charge by number, class and month."""
        self.drop("usage_sum")
        self.cr.execute(
            SQL(
                """
                CREATE TEMP TABLE usage_sum ON COMMIT DROP AS
                SELECT number_id, destination_id, month, month AS period, NULL::int AS charge_id,
                       count(*) AS calls, sum(seconds) AS seconds, sum(amount) AS amount
                  FROM usage_rated
                 WHERE problem IS NULL
              GROUP BY number_id, destination_id, month
                """
            )
        )
        self.cr.execute(SQL("ANALYZE usage_sum"))
        self._move_late()
        self._add_to_charges()

    def _move_late(self):
        """What is late goes to the first period whose charge isn't on an invoice yet.

        That is the rest of the month where a part of it was billed, or else the month after.
        """
        for _month in range(MOST_MONTHS_LATER):
            self.cr.execute(
                SQL(
                    """
                    UPDATE usage_sum SET period = charge.period_end + 1
                      FROM bfocused_billing_charge AS charge
                     WHERE charge.usage_number_id = usage_sum.number_id
                       AND charge.usage_destination_id = usage_sum.destination_id
                       AND charge.period_start = usage_sum.period
                       AND charge.kind = 'usage' AND charge.state IN ('drafted', 'billed')
                    """
                )
            )
            if not self.cr.rowcount:
                return

    def _add_to_charges(self):
        currency = self.company.currency_id
        self.cr.execute(
            SQL(
                """
                INSERT INTO bfocused_billing_charge AS charge (company_id, currency_id, kind, state, partner_id,
                       usage_number_id, usage_destination_id, period_start, period_end, usage_calls, usage_seconds,
                       usage_amount, amount_untaxed, quantity, create_uid, create_date, write_uid, write_date)
                SELECT %(company)s, %(currency)s, 'usage', 'open', partner.commercial_partner_id, number_id,
                       destination_id, period, %(period_end)s, sum(calls), sum(seconds),
                       sum(amount), round(sum(amount), %(digits)s), round(sum(seconds) / 60.0, 2),
                       %(uid)s, now() AT TIME ZONE 'UTC', %(uid)s, now() AT TIME ZONE 'UTC'
                  FROM usage_sum
                  JOIN bfocused_usage_number AS number ON number.id = number_id
                  JOIN res_partner AS partner ON partner.id = number.partner_id
              GROUP BY partner.commercial_partner_id, number_id, destination_id, period
           ON CONFLICT (usage_number_id, usage_destination_id, period_start) WHERE kind = 'usage' AND state <> 'void'
             DO UPDATE SET usage_calls = charge.usage_calls + excluded.usage_calls,
                       usage_seconds = charge.usage_seconds + excluded.usage_seconds,
                       usage_amount = charge.usage_amount + excluded.usage_amount,
                       amount_untaxed = round(charge.usage_amount + excluded.usage_amount, %(digits)s),
                       quantity = round((charge.usage_seconds + excluded.usage_seconds) / 60.0, 2),
                       write_uid = excluded.write_uid, write_date = excluded.write_date
                """,
                period_end=self._period_end(),
                company=self.company.id,
                currency=currency.id,
                digits=currency.decimal_places,
                uid=self.env.uid,
            )
        )
        self.cr.execute(
            SQL(
                """
                UPDATE usage_sum SET charge_id = charge.id
                  FROM bfocused_billing_charge AS charge
                 WHERE charge.usage_number_id = usage_sum.number_id
                   AND charge.usage_destination_id = usage_sum.destination_id
                   AND charge.period_start = usage_sum.period AND charge.kind = 'usage' AND charge.state = 'open'
                """
            )
        )

    def _period_end(self):
        """The last day of a new charge: of its month, or before another one of the same month that begins later."""
        return SQL(
            """
            LEAST((date_trunc('month', period::timestamp) + interval '1 month - 1 day')::date,
                  (SELECT min(later.period_start) - 1
                     FROM bfocused_billing_charge AS later
                    WHERE later.usage_number_id = usage_sum.number_id
                      AND later.usage_destination_id = usage_sum.destination_id
                      AND later.period_start > usage_sum.period
                      AND later.kind = 'usage' AND later.state <> 'void'))
            """
        )

    # === WHAT WAITS

    def book_waiting(self, condition=None):
        """Rate and book the stored calls that are in no charge.

        :param condition: SQL condition on ``record``; default: all of the company
        :return: how many were booked
        """
        self.env.flush_all()
        self.lock()
        files = self.env["bfocused.usage.file"].sudo().search([("company_id", "=", self.company.id)])
        booked = 0
        for profile, its_files in files.grouped("profile_id").items():
            source = SQL(
                "SELECT record.*, record.id AS record_id, (record.started_at AT TIME ZONE 'UTC' AT TIME ZONE %s)::date"
                " AS day FROM bfocused_usage_record AS record"
                " WHERE record.charge_id IS NULL AND record.file_id IN %s AND %s",
                self.company.billing_tz,
                tuple(its_files.ids),
                condition or SQL("TRUE"),
            )
            self.rate(profile, source, SQL("TRUE"), ["record_id", "seconds"])
            self.book()
            booked += self._update_waiting()
        self.env.invalidate_all()
        return booked

    def _update_waiting(self):
        self.cr.execute(
            SQL(
                """
                UPDATE bfocused_usage_record AS record
                   SET charge_id = usage_sum.charge_id, amount = rated.amount, problem = rated.problem
                  FROM usage_rated AS rated
             LEFT JOIN usage_sum USING (number_id, destination_id, month)
                 WHERE record.id = rated.record_id
             RETURNING record.charge_id
                """
            )
        )
        return sum(1 for (charge_id,) in self.cr.fetchall() if charge_id)

    def release(self, condition):
        """Take calls out of their charges, which are counted anew; they wait until they are booked again.

        :param condition: SQL condition on ``record`` and ``charge``, the charge it is in
        """
        self.env.flush_all()
        self.lock()
        self.cr.execute(
            SQL(
                """
                WITH freed AS (
                    UPDATE bfocused_usage_record AS record SET charge_id = NULL, problem = 'unknown', amount = 0
                      FROM bfocused_billing_charge AS charge
                     WHERE charge.id = record.charge_id AND charge.company_id = %s AND charge.kind = 'usage'
                       AND charge.state IN ('open', 'void') AND %s
                 RETURNING charge.id AS charge_id)
                SELECT DISTINCT charge_id FROM freed
                """,
                self.company.id,
                condition,
            )
        )
        charge_ids = [charge_id for (charge_id,) in self.cr.fetchall()]
        if charge_ids:
            self._count_anew(charge_ids)
        self.env.invalidate_all()
        return len(charge_ids)

    def _count_anew(self, charge_ids):
        """Totals of open charges from their records; a void charge keeps what it was."""
        self.cr.execute(
            SQL(
                """
                UPDATE bfocused_billing_charge AS charge
                   SET usage_calls = total.calls, usage_seconds = total.seconds, usage_amount = total.amount,
                       amount_untaxed = round(total.amount, %s), quantity = round(total.seconds / 60.0, 2)
                  FROM (SELECT one.id, count(record.id) AS calls, COALESCE(sum(record.seconds), 0) AS seconds,
                               COALESCE(sum(record.amount), 0) AS amount
                          FROM bfocused_billing_charge AS one
                     LEFT JOIN bfocused_usage_record AS record ON record.charge_id = one.id
                         WHERE one.id IN %s AND one.state = 'open'
                      GROUP BY one.id) AS total
                 WHERE total.id = charge.id
                """,
                self.company.currency_id.decimal_places,
                tuple(charge_ids),
            )
        )

    def drop(self, table):
        self.cr.execute(SQL("DROP TABLE IF EXISTS %s", SQL.identifier("pg_temp", table)))
