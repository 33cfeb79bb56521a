"""Parts of a transaction that may fail by themselves, and locks: what a billing of many customers is built on.

Only an error of the database that gives up the whole transaction, such as a serialization failure or a lost
connection, always passes: the caller, Odoo or the job queue, repeats the transaction as a whole.
"""

from contextlib import contextmanager
from dataclasses import dataclass

from psycopg2 import OperationalError

from odoo.exceptions import UserError

from odoo.addons.queue_job.exception import RetryableJobError

RANKS = "account.res.partner.increase_rank."  # under which Odoo counts what it adds to the partners at the commit
SECONDS_BETWEEN_TRIES = 10  # of a job whose records another transaction has locked


@dataclass(eq=False)
class Outcome:
    """How an isolated part of a transaction ended."""

    error: Exception | None = None  # that undid it


@contextmanager
def undoable(cr, flush=True):
    """A savepoint that also undoes what Odoo counted to add to the ranks of partners at the commit.

    :param flush: whether what is pending is written first, and at the end
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
        with cr.savepoint(flush=flush) as savepoint:
            yield undo
    except Exception:
        forget_ranks()
        raise


@contextmanager
def isolated(cr, passing=OperationalError, flush=True):
    """A part of the transaction whose error undoes only that part, and is recorded instead of raised::

        with isolated(self.env.cr) as outcome:
            ...
        if outcome.error:
            ...

    :param passing: class of errors, or tuple of them, that are raised all the same
    :param flush: as of :func:`undoable`
    :return: Outcome
    """
    outcome = Outcome()
    try:
        with undoable(cr, flush):
            yield outcome
    except passing:
        raise
    except Exception as error:  # whatever is wrong with one must not stop the others
        outcome.error = error


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
    with isolated(cr) as outcome:
        results = action(records)
    if not outcome.error:
        return results or []  # only now did the database agree
    if len(records) == 1:
        return give_up(records, outcome.error) or []
    middle = len(records) // 2
    return [
        *process_isolated(cr, records[:middle], action, give_up),
        *process_isolated(cr, records[middle:], action, give_up),
    ]


def lock_or_retry(records, message, seconds=SECONDS_BETWEEN_TRIES):
    """Lock the records of a job until the end of the transaction.

    :param message: of the error, in English, for the log of the job queue
    :raise RetryableJobError: another transaction has one of them; the job is tried again, however often
    """
    if len(records.try_lock_for_update(allow_referencing=True)) < len(records):
        raise RetryableJobError(message, seconds=seconds, ignore_retry=True)


def lock_or_refuse(records, message):
    """Lock the records somebody pressed a button on until the end of the transaction.

    :param message: of the error, in the user's language
    :raise UserError: another transaction has one of them
    """
    if len(records.try_lock_for_update(allow_referencing=True)) < len(records):
        raise UserError(message)
