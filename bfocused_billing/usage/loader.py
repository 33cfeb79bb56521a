import csv
import io

import psycopg2

from odoo.exceptions import ConcurrencyError, UserError
from odoo.tools import SQL

from . import layout
from .booking import UsageBooking
from .known import KnownRows
from .reader import read_rows

COPY_BUFFER = 1 << 20  # bytes
STORED = (  # columns of a row that go into its record as they are, or empty
    "line",
    "number",
    "dialled",
    "started_at",
    "seconds",
    "cost",
    "supplier_class",
    "reference",
    "fingerprint",
    "occurrence",
)
FAST_FAILURES = (psycopg2.DataError, psycopg2.errors.BadCopyFileFormat)


class Loader(KnownRows):
    """Bring one file in: copy, read, leave out what is known, rate, book and store, each in one statement.

    All good rows are read by PostgreSQL itself. Only for a file with a row it can't read, the file is first read row
    by row in Python, which knows the line and the reason.

    :param file: ``bfocused.usage.file`` record that gets the totals
    :param content: bytes
    """

    is_shortened = True  # whether only the columns that are read are kept of the file

    def __init__(self, file, content):
        self.file = file
        self.profile = file.profile_id
        self.company = file.company_id
        self.env = file.env
        self.cr = file.env.cr
        self.booking = UsageBooking(self.env, self.company)
        self.content = self._with_line_ends(content)
        self.refusals = []  # (line, reason, the row as written)
        self.refused_count = 0
        self.width, self.positions = self._read_first_row()

    def run(self):
        """Import the file; one import per company at a time.

        :return: values of the file: its counts, amounts and seconds
        """
        self.env.flush_all()
        self.booking.lock()
        self._copy_and_parse()
        self._number_repeated()
        self._find_known()
        self._refuse_changed()
        self.booking.rate(self.profile, self._source(), self._only_new(), STORED)
        self.booking.book()
        self._store()
        self.env.invalidate_all()
        return self._get_totals()

    # === READ

    def _with_line_ends(self, content):
        """The file without byte order mark, and with line ends that everything here reads as such."""
        if self.profile.encoding == "utf-8":
            content = content.removeprefix(b"\xef\xbb\xbf")
        return content if b"\n" in content else content.replace(b"\r", b"\n")

    def _read_first_row(self):
        text = self.content.partition(b"\n")[0].decode(layout.ENCODINGS[self.profile.encoding][0], errors="replace")
        row = next(
            csv.reader(
                [text.rstrip("\r")], delimiter=self.profile._get_separator(), quotechar=self.profile.quote or '"'
            ),
            [],
        )
        if not row:
            raise UserError(self.env._("The file is empty."))
        return len(row), self.profile._get_positions(row)

    def _copy_and_parse(self):
        for table in ("usage_row", "usage_repeat", "usage_known"):
            self.booking.drop(table)
        try:
            with self.env.cr.savepoint(flush=False):
                self._make_cells(set(self.positions.values()))
                self._copy_whole()
                self._parse()
                if self._has_bad_rows():
                    raise psycopg2.DataError
        except FAST_FAILURES:
            self.is_shortened = False
            self._make_cells(range(self.width))
            self._copy_readable()
            self._parse()

    def _make_cells(self, kept):
        """Make the table ``usage_cell``, a column per column of the file; it goes quicker with less to keep.

        :param kept: indexes of the columns that are kept; of the others it has the first byte
        """
        self.booking.drop("usage_cell")
        self.cr.execute(SQL("DROP SEQUENCE IF EXISTS pg_temp.usage_line"))
        cells = (
            SQL("%s %s", self._cell(index), SQL("text" if index in kept else '"char"')) for index in range(self.width)
        )
        self.cr.execute(SQL("CREATE TEMP TABLE usage_cell (line int, %s) ON COMMIT DROP", SQL(", ").join(cells)))

    def _keep_all_cells(self):
        """Copy the file again, for all that its rows say."""
        if self.is_shortened:
            self.is_shortened = False
            self._make_cells(range(self.width))
            self._copy_whole()

    def _cell(self, index):
        return SQL.identifier(f"c{index}")

    def _copy_options(self, with_header):
        return SQL(
            "WITH (FORMAT csv, HEADER %s, DELIMITER %s, QUOTE %s, NULL '\\N', ENCODING %s)",
            SQL("true" if with_header else "false"),
            self.profile._get_separator(),
            self.profile.quote or '"',
            layout.ENCODINGS[self.profile.encoding][1],
        )

    def _copy(self, columns, stream, options):
        statement = self.cr.mogrify(
            SQL("COPY usage_cell (%s) FROM STDIN %s", SQL(", ").join(columns), options)
        ).decode()
        self.cr.copy_expert(statement, stream, COPY_BUFFER)

    def _copy_whole(self):
        """Copy the file as it is; lines count on from the header.

        :raise psycopg2.DataError: when rows and lines don't go together, or a row has another number of columns
        """
        first = 2 if self.profile.has_header else 1
        self.cr.execute(SQL("CREATE TEMP SEQUENCE usage_line START %s CACHE 1000", first))
        self.cr.execute(SQL("ALTER TABLE usage_cell ALTER line SET DEFAULT nextval('usage_line')"))
        columns = [self._cell(index) for index in range(self.width)]
        self._copy(columns, io.BytesIO(self.content), self._copy_options(self.profile.has_header))
        rows = self.cr.rowcount
        lines = self.content.count(b"\n") + (not self.content.endswith(b"\n"))
        if rows != lines - self.profile.has_header:
            raise psycopg2.DataError

    def _copy_readable(self):
        """Copy the rows that can be read, with their lines, and note the others."""
        kept = io.StringIO()
        writer = csv.writer(kept)
        for line, row, reason, written in read_rows(self.content, self.profile, self.width, self.positions):
            if row is None:
                self.refused_count += 1
                self.refusals.append((line, reason, written))
            else:
                writer.writerow([line, *row])
        columns = [SQL("line"), *(self._cell(index) for index in range(self.width))]
        options = SQL("WITH (FORMAT csv, NULL '\\N', ENCODING 'UTF8')")
        self._copy(columns, io.BytesIO(kept.getvalue().encode()), options)

    def _parse(self):
        """From cells to values: numbers in international form, UTC, seconds, amounts, and the row's fingerprint."""
        country = self.company._get_usage_country_code()
        is_e164 = self.profile.number_format == "e164"
        bare, number = SQL.identifier("bare_number"), SQL.identifier("bare_dialled")
        self.cr.execute(
            SQL(
                """
                CREATE TEMP TABLE usage_row ON COMMIT DROP AS
                SELECT line, number, dialled, started_at, day, seconds, cost, supplier_class, reference, billed,
                       CASE WHEN reference <> ''
                            THEN hashtextextended(%(profile)s || reference, %(company)s)
                            ELSE hashtextextended(concat_ws('|', number, dialled, seconds, %(cost)s, supplier_class,
                                                            reference), %(company)s) END AS fingerprint,
                       billed AND (number = '' OR started_at IS NULL OR seconds IS NULL OR cost IS NULL) AS bad
                  FROM (SELECT line, %(number)s AS number, %(dialled)s AS dialled,
                               local AT TIME ZONE %(file_tz)s AT TIME ZONE 'UTC' AS started_at, %(day)s AS day,
                               seconds, cost, supplier_class, reference, billed
                          FROM (%(cells)s OFFSET 0) AS cell
                        OFFSET 0) AS parsed
                """,
                company=self.company.id,
                profile=f"{self.profile.id}|",
                cost=SQL("trim_scale(cost)") if "amount" in self.positions else SQL("0"),
                number=layout.number_sql(bare, country, is_e164),
                dialled=layout.number_sql(number, country, is_e164),
                file_tz=self.profile.tz,
                day=self._day(),
                cells=self._parse_cells(),
            )
        )

    def _parse_cells(self):
        cell = self._role
        moment = cell("started")
        if "time" in self.positions:
            moment = SQL("(%s || ' ' || %s)", moment, cell("time"))
        number = cell("number")
        if "number_fallback" in self.positions:
            number = SQL("COALESCE(NULLIF(%s, ''), %s)", number, cell("number_fallback"))
        billed = SQL("TRUE")
        if "disposition" in self.positions and self.profile._get_billed_values():
            billed = SQL("upper(%s) IN %s", cell("disposition"), tuple(self.profile._get_billed_values()))
        return SQL(
            "SELECT line, %s AS bare_number, %s AS bare_dialled, %s AS local, %s AS seconds, %s AS cost,"
            " %s AS supplier_class, %s AS reference, %s AS billed FROM usage_cell",
            layout.bare_sql(number),
            layout.bare_sql(cell("dialled")),
            layout.moment_sql(moment, self.profile.date_format),
            layout.duration_sql(cell("duration"), self.profile.duration_unit),
            layout.amount_sql(cell("amount"), self.profile.decimal_mark) if "amount" in self.positions else SQL("0.0"),
            cell("class"),
            cell("reference"),
            billed,
        )

    def _role(self, role):
        if role not in self.positions:
            return SQL("''")
        cell = SQL("COALESCE(%s, '')", self._cell(self.positions[role]))  # \N is how some write an empty cell
        # Elsewhere a space at the begin or end makes a row go the careful way, which takes it off.
        return SQL("btrim(%s)", cell) if role in ("class", "reference", "disposition") else cell

    def _day(self):
        """The day on which the call started for the company."""
        if self.profile.tz == self.company.billing_tz:
            return SQL("local::date")
        return SQL("(local AT TIME ZONE %s AT TIME ZONE %s)::date", self.profile.tz, self.company.billing_tz)

    def _has_bad_rows(self):
        self.cr.execute(SQL("SELECT EXISTS (SELECT FROM usage_row WHERE bad)"))
        return self.cr.fetchone()[0]

    # === RATE AND STORE

    def _store(self):
        """Store the records.

        :raise ConcurrencyError: when another import stored one meanwhile; Odoo then tries the whole import again
        """
        try:
            self.cr.execute(self._store_sql(), log_exceptions=False)
        except psycopg2.errors.UniqueViolation as error:
            raise ConcurrencyError("Another import stored the same calls meanwhile.") from error

    def _store_sql(self):
        return SQL(
            """
                INSERT INTO bfocused_usage_record (file_id, charge_id, line, number, dialled, started_at, seconds, cost,
                       amount, supplier_class, reference, problem, fingerprint, occurrence)
                SELECT %s, usage_sum.charge_id, rated.line, rated.number, rated.dialled, rated.started_at,
                       rated.seconds, rated.cost, rated.amount, NULLIF(rated.supplier_class, ''),
                       NULLIF(rated.reference, ''), rated.problem, rated.fingerprint, rated.occurrence
                  FROM usage_rated AS rated
             LEFT JOIN usage_sum USING (number_id, destination_id, month)
            """,
            self.file.id,
        )

    def _get_totals(self):
        """What the file holds, counted in the file, and what came of it, counted in what was stored."""
        self.cr.execute(
            SQL(
                """
                SELECT count(*), count(*) FILTER (WHERE NOT billed), sum(cost), sum(cost) FILTER (WHERE NOT billed),
                       sum(seconds), sum(seconds) FILTER (WHERE NOT billed)
                  FROM usage_row
                """
            )
        )
        rows, skipped, cost, cost_skipped, seconds, seconds_skipped = (value or 0 for value in self.cr.fetchone())
        self.cr.execute(
            SQL(
                """
                SELECT count(*), count(*) FILTER (WHERE problem = 'unknown'),
                       count(*) FILTER (WHERE problem = 'unrated'), sum(cost),
                       sum(cost) FILTER (WHERE charge_id IS NULL), sum(amount), sum(seconds)
                  FROM bfocused_usage_record
                 WHERE file_id = %s
                """,
                self.file.id,
            )
        )
        new, unknown, unrated, cost_new, cost_waiting, amount, seconds_new = (
            value or 0 for value in self.cr.fetchone()
        )
        known = self._get_known_totals()
        return {
            "row_count": rows + self.refused_count,
            "new_count": new,
            "duplicate_count": known[0],
            "skipped_count": skipped,
            "refused_count": self.refused_count,
            "unknown_count": unknown,
            "unrated_count": unrated,
            "seconds_file": seconds,
            "seconds_new": seconds_new,
            "seconds_left_out": seconds_skipped + known[2],
            "cost_file": cost,
            "cost_new": cost_new,
            "cost_waiting": cost_waiting,
            "cost_left_out": cost_skipped + known[1],
            "amount_booked": amount,
        }
