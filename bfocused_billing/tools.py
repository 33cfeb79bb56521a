from contextlib import contextmanager
from decimal import ROUND_HALF_UP, Decimal

from psycopg2 import OperationalError

RANKS = "account.res.partner.increase_rank."  # under which Odoo counts what it adds to the partners at the commit


def changed_values(record, values):
    """The part of ``values`` that would change ``record``.

    :param record: one record
    :param values: dict as given to ``write``, without commands
    :rtype: dict
    """

    def as_stored(name, value):
        return record._fields[name].convert_to_cache(value, record) or False

    return {name: value for name, value in values.items() if as_stored(name, value) != as_stored(name, record[name])}


def indexed_price(price, percentage, rounding):
    """A price raised, or lowered, by a percentage.

    :param float price: as agreed
    :param float percentage: 3.2 for 3.2 %
    :param float rounding: the smallest step of the currency; halves are rounded away from zero
    :rtype: float
    """
    step = Decimal(str(rounding))
    exact = Decimal(str(price)) * (100 + Decimal(str(percentage))) / 100
    return float((exact / step).quantize(Decimal(1), ROUND_HALF_UP) * step)


@contextmanager
def undoable(cr):
    """A savepoint with which is also undone what Odoo counted to add to the ranks of partners at the commit.

    :return: function that undoes what was done up to its call; an error does so by itself
    """
    before = {key: dict(counts) for key, counts in cr.postcommit.data.items() if key.startswith(RANKS)}

    def forget_ranks():
        for key, counts in cr.postcommit.data.items():
            if key.startswith(RANKS):
                counts.clear()
                counts.update(before.get(key, {}))

    def undo():
        savepoint.rollback()
        forget_ranks()

    try:
        with cr.savepoint() as savepoint:
            yield undo
    except Exception:
        forget_ranks()
        raise


def process_isolated(cr, records, action, give_up):
    """Do something for records together; when that fails in halves, until the failing one stands alone.

    :param records: recordset or list
    :param action: called with those that are done together; returns a list or nothing
    :param give_up: called with those that failed, of which there is one, and the error; returns the same
    :return: list of what both returned
    :raise OperationalError: the database gave up the transaction; the caller repeats it as a whole
    """
    if not records:
        return []
    try:
        with undoable(cr):
            results = action(records)
        return results or []  # only now did the database agree
    except OperationalError:
        raise
    except Exception as error:  # whatever is wrong with one must not stop the others
        if len(records) == 1:
            return give_up(records, error) or []
    middle = len(records) // 2
    return [
        *process_isolated(cr, records[:middle], action, give_up),
        *process_isolated(cr, records[middle:], action, give_up),
    ]
