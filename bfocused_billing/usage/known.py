from odoo.tools import SQL

REFERENCE_BEGIN = 16  # characters of a reference by which calls lie in the index


def reference_key(column):
    """The prefix of a reference as it stands in the index of the stored calls.

    :param column: name of the column with the reference
    :return: text of an SQL expression
    """
    return f'(left({column}, {REFERENCE_BEGIN}) COLLATE "C")'


class KnownRows:
    """The part of the import that leaves out what is known: of an overlapping file only the new rows are stored."""

    has_repeated = True  # whether the file itself has equal rows
    has_known = True  # whether the file has rows that are stored already

    def _number_repeated(self):
        """Number the equal rows of the file, so that two equal calls are two calls, and in the next file the same.

        Rows with the same reference are one call, whatever else they say; only the first of them counts.
        """
        self.cr.execute(
            SQL(
                """
                CREATE TEMP TABLE usage_repeat ON COMMIT DROP AS
                SELECT line, row_number() OVER (PARTITION BY fingerprint, CASE WHEN reference = '' THEN started_at END
                                                    ORDER BY line) AS occurrence
                  FROM usage_row
                 WHERE billed AND fingerprint IN (
                       SELECT fingerprint FROM usage_row WHERE billed GROUP BY 1 HAVING count(*) > 1)
                """
            )
        )
        self.has_repeated = bool(self.cr.rowcount)
        self.cr.execute(SQL("ANALYZE usage_repeat"))

    def _source(self):
        if not self.has_repeated:
            return SQL("SELECT usage_row.*, 1 AS occurrence FROM usage_row WHERE billed")
        return SQL(
            "SELECT usage_row.*, COALESCE(usage_repeat.occurrence, 1) AS occurrence FROM usage_row"
            " LEFT JOIN usage_repeat USING (line) WHERE billed"
        )

    def _find_known(self):
        """Make the table ``usage_known``: the rows that were stored before, and whether they still say the same."""
        self.cr.execute(SQL("SELECT min(started_at), max(started_at) FROM usage_row WHERE billed AND reference = ''"))
        first, last = self.cr.fetchone()
        self.cr.execute(
            SQL(
                """
                CREATE TEMP TABLE usage_known ON COMMIT DROP AS
                SELECT source.line, TRUE AS is_same
                  FROM (%(source)s) AS source
                  JOIN bfocused_usage_record AS known USING (started_at, fingerprint, occurrence)
                 WHERE source.reference = '' AND known.started_at BETWEEN %(first)s AND %(last)s
                   AND known.reference IS NULL
             UNION ALL
                SELECT source.line, %(same_as_known)s
                  FROM (%(source)s) AS source
                  JOIN bfocused_usage_record AS known USING (fingerprint)
                 WHERE source.reference <> '' AND known.reference IS NOT NULL AND source.occurrence = 1
                   AND %(known_key)s = %(source_key)s
             UNION ALL
                SELECT source.line, %(same_as_known)s
                  FROM (%(source)s) AS source
                  JOIN (%(source)s) AS known USING (fingerprint)
                 WHERE source.reference <> '' AND source.occurrence > 1 AND known.occurrence = 1 AND %(has_repeated)s
                """,
                source=self._source(),
                same_as_known=self._says_the_same(),
                known_key=SQL(reference_key("known.reference")),
                source_key=SQL(reference_key("source.reference")),
                first=first,
                last=last,
                has_repeated=SQL("TRUE" if self.has_repeated else "FALSE"),
            )
        )
        self.has_known = bool(self.cr.rowcount)
        self.cr.execute(SQL("ANALYZE usage_known"))

    def _says_the_same(self):
        """Whether a row tells of a call what is known of it; how its class is spelt doesn't matter."""
        same = "(source.number, source.dialled, source.started_at, source.seconds, round(source.cost, 6))"
        same += " = (known.number, known.dialled, known.started_at, known.seconds, round(known.cost, 6))"
        return SQL(f"{same} AND lower(source.supplier_class) = lower(COALESCE(known.supplier_class, ''))")

    def _refuse_changed(self):
        """Rows of a known call that say something else of it are refused: the call was booked, and maybe billed."""
        if not self._has_changed():
            return
        self._keep_all_cells()
        reason = self.env._(
            "A call with this reference is known, with another number, moment, duration, amount or class. It stays as "
            "it was."
        )
        cells = SQL(", ").join(self._cell(index) for index in range(self.width))
        self.cr.execute(
            SQL(
                """
                INSERT INTO bfocused_usage_refusal (file_id, company_id, row_number, reason, content,
                       create_uid, create_date, write_uid, write_date)
                SELECT %(file)s, %(company)s, line, %(reason)s, concat_ws(%(separator)s, %(cells)s),
                       %(uid)s, now() AT TIME ZONE 'UTC', %(uid)s, now() AT TIME ZONE 'UTC'
                  FROM usage_known
                  JOIN usage_cell USING (line)
                 WHERE NOT is_same
                """,
                file=self.file.id,
                company=self.company.id,
                reason=reason,
                separator=self.profile._get_separator(),
                cells=cells,
                uid=self.env.uid,
            )
        )
        self.refused_count += self.cr.rowcount
        self.cr.execute(
            SQL("DELETE FROM usage_row USING usage_known AS known WHERE known.line = usage_row.line AND NOT is_same")
        )

    def _has_changed(self):
        self.cr.execute(SQL("SELECT EXISTS (SELECT FROM usage_known WHERE NOT is_same)"))
        return self.cr.fetchone()[0]

    def _only_new(self):
        """Condition on the rows of the source."""
        if not self.has_known:
            return SQL("TRUE")
        return SQL("NOT EXISTS (SELECT FROM usage_known AS known WHERE known.line = source.line)")

    def _get_known_totals(self):
        """(count, cost, seconds) of the rows that were known already and say the same."""
        self.cr.execute(
            SQL(
                """
                SELECT count(*), COALESCE(sum(usage_row.cost), 0), COALESCE(sum(usage_row.seconds), 0)
                  FROM usage_known
                  JOIN usage_row USING (line)
                """
            )
        )
        return self.cr.fetchone()
