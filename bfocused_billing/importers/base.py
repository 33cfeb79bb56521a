import csv
import io
import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime

from psycopg2 import IntegrityError

from odoo.exceptions import UserError
from odoo.tools import groupby

from ..tools import changed_values


class Refused(Exception):
    """A row can't be taken; the message says why and what to do, in the user's language."""


class Row(dict):
    """The cells of one row by column, stripped.

    :param number: the row's line in the file, the header being line 1
    :param is_dutch: whether the file comes from a Dutch spreadsheet, in which ``1.250`` is a thousand and more
    """

    def __init__(self, cells, number, is_dutch):
        super().__init__({column: (cell or "").strip() for column, cell in cells.items() if column})
        self.number = number
        self.is_dutch = is_dutch


@dataclass
class FileReport:
    """What became of one file: how many items, and each refused row with the reason."""

    filename: str
    counts: Counter = field(default_factory=Counter)  # created, updated, unchanged, refused
    refusals: list[tuple[int, str]] = field(default_factory=list)  # (line in the file, reason)

    def refuse(self, row_number, reason):
        self.counts["refused"] += 1
        self.refusals.append((row_number, reason))


class Importer:
    """Bring in one file. Items that are there already and equal are left alone, so it can be repeated.

    :cvar filename: the name by which the file is recognised
    :cvar columns: all columns; ``required`` those that need a value in each row
    :cvar key: the column that names an item; consecutive or not, rows with the same key belong together
    :cvar shared: columns in which the rows of one item are equal; where none is named an item has one row only
    """

    filename = ""
    columns = ()
    required = ()
    key = ""
    shared = ()

    def __init__(self, env, company):
        self.env = env(context=dict(env.context, tracking_disable=True, allowed_company_ids=company.ids))
        self.company = company.with_env(self.env)
        self._ = self.env._

    def run(self, content):
        """Import the file; a refused item doesn't stop the others.

        :param content: bytes of the file
        :rtype: FileReport
        """
        report = FileReport(self.filename)
        try:
            rows = self._read(content)
        except Refused as reason:
            report.refuse(1, str(reason))
            return report
        for rows_of_item in self._get_items(rows):
            self._import_reported(rows_of_item, report)
        return report

    def _import_reported(self, rows, report):
        try:
            with self.env.cr.savepoint():
                self._check_required(rows)
                self._check_shared(rows)
                report.counts[self._import(rows)] += 1
        except (Refused, UserError) as reason:
            report.refuse(rows[0].number, str(reason))
        except IntegrityError as error:
            report.refuse(rows[0].number, self._("The database refused this row: %s", error.diag.message_primary))

    def _import(self, rows):
        """Import one item.

        :param rows: list of Row with the same key
        :return: ``created``, ``updated`` or ``unchanged``
        :raise Refused: with the reason
        """
        raise NotImplementedError

    # === READING

    def _read(self, content):
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise Refused(self._('The file isn\'t UTF-8. Save it as "CSV UTF-8" and try again.')) from error
        header = text.partition("\n")[0]
        separator = ";" if header.count(";") > header.count(",") else ","
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator)
        missing = [column for column in self.columns if column not in (reader.fieldnames or ())]
        if missing:
            raise Refused(self._("These columns are missing in the first row: %s", ", ".join(missing)))
        return [Row(cells, reader.line_num, separator == ";") for cells in reader if any(cells.values())]

    def _get_items(self, rows):
        return [item for _key, item in groupby(rows, key=lambda row: row[self.key])]

    def _check_required(self, rows):
        for row in rows:
            empty = [column for column in self.required if not row[column]]
            if empty:
                raise Refused(self._("Line %(line)s: fill in %(columns)s.", line=row.number, columns=", ".join(empty)))

    def _check_shared(self, rows):
        name = rows[0][self.key]
        if len(rows) > 1 and not self.shared:
            raise Refused(self._("%s stands more than once in the file.", name))
        for column in self.shared:
            if len({row[column] for row in rows}) > 1:
                raise Refused(self._("The rows of %(name)s differ in %(column)s.", name=name, column=column))

    def _number(self, row, column, default=0.0):
        """A decimal number of zero or more, with a point or a Dutch comma, without separators of thousands."""
        text = row[column]
        if not text:
            return default
        thousands = row.is_dutch and re.fullmatch(r"\d{1,3}\.\d{3}", text)
        if thousands or not re.fullmatch(r"\d+([.,]\d+)?", text):
            raise Refused(
                self._('%(column)s: "%(value)s" is not a number such as 1250 or 12.50.', column=column, value=text)
            )
        return float(text.replace(",", "."))

    def _date(self, row, column):
        """A date as 2026-01-31 or, Dutch, 31-01-2026; ``False`` for an empty cell."""
        if not row[column]:
            return False
        for reading in (date.fromisoformat, lambda text: datetime.strptime(text, "%d-%m-%Y").date()):
            try:
                return reading(row[column])
            except ValueError:
                continue
        raise Refused(
            self._('%(column)s: "%(value)s" is not a date. Write it as 2026-01-31.', column=column, value=row[column])
        )

    # === FINDING AND STORING

    def _find_customer(self, row):
        partner = self._find("res.partner", [("ref", "=", row["customer_number"]), ("parent_id", "=", False)])
        if not partner:
            raise Refused(self._("There is no customer %s. Import customers.csv first.", row["customer_number"]))
        return partner

    def _find_product(self, row):
        product = self._find("product.product", [("default_code", "=", row["product_code"])])
        if not product:
            raise Refused(self._("There is no product %s. Import catalogue.csv first.", row["product_code"]))
        return product

    def _find(self, model, domain):
        company_domain = [("company_id", "in", [False, self.company.id])]
        return self.env[model].with_context(active_test=False).search(domain + company_domain, limit=1)

    def _store(self, model, record, values):
        """Create ``values``, or write what differs from ``record``.

        :return: the record, and ``created``, ``updated`` or ``unchanged``
        """
        if not record:
            return self.env[model].create(values), "created"
        changes = changed_values(record, values)
        if not changes:
            return record, "unchanged"
        record.write(changes)
        return record, "updated"
