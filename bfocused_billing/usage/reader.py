"""The careful way to read a file: row by row, to find the rows that can't be read and say why."""

import csv
import io

from . import layout

EMPTY = "\\N"  # how MySQL and others write a cell without value


def check_cells(cells, profile):
    """Why a row can't be read.

    :param cells: dict of stripped cells by role, as in ``profile._get_positions()``
    :return: reason in the user's language, or an empty string
    """
    env = profile.env
    if not (cells.get("number") or cells.get("number_fallback")):
        return env._("There is no number.")
    moment = f"{cells['started']} {cells['time']}" if "time" in cells else cells["started"]
    if not layout.is_moment(moment, profile.date_format):
        return env._('"%s" is not a moment in the format of the profile.', moment)
    if not layout.is_duration(cells["duration"], profile.duration_unit):
        return env._('"%s" is not a duration in the format of the profile.', cells["duration"])
    if "amount" in cells and not layout.is_amount(cells["amount"], profile.decimal_mark):
        return env._('"%s" is not an amount in the format of the profile.', cells["amount"])
    return ""


def read_rows(content, profile, width, positions):
    """Separate the rows that can be read from those that can't.

    :param content: bytes of the file
    :param width: how many columns a row has
    :param positions: dict of column index by role
    :return: iterator of (line in the file, cells or ``None`` when it is refused, reason, the row as written)
    """
    text = content.decode(layout.ENCODINGS[profile.encoding][0], errors="surrogateescape")
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=profile._get_separator(), quotechar=profile.quote or '"'
    )
    has_header = profile.has_header
    line = 1
    while True:
        started_at_line = line
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            line = reader.line_num + 1
            yield started_at_line, None, str(error), ""
            continue
        line = reader.line_num + 1
        if has_header:
            has_header = False
        elif row:
            yield started_at_line, *_check_row(row, profile, width, positions)


def _check_row(row, profile, width, positions):
    row = ["" if cell == EMPTY else cell for cell in row]
    written = profile._get_separator().join(row).replace("\0", "�").encode("utf-8", "replace").decode()
    if len(row) != width:
        reason = profile.env._("The row has %(found)s columns instead of %(width)s.", found=len(row), width=width)
        return None, reason, written
    if any("\0" in cell or not _is_text(cell) for cell in row):
        return None, profile.env._("The row holds characters that aren't in the encoding of the profile."), written
    cells = {role: row[position].strip(" ") for role, position in positions.items()}
    reason = check_cells(cells, profile)
    if reason and not profile._is_billed(cells):
        kept = positions["disposition"]
        return [cell.strip(" ") if position == kept else "" for position, cell in enumerate(row)], "", written
    return (None if reason else [cell.strip(" ") for cell in row]), reason, written


def _is_text(cell):
    try:
        cell.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
