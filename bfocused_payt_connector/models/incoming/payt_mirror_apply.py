import logging
import random
from datetime import timedelta

from psycopg2 import DataError, Error, IntegrityError

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import AccessError, ConcurrencyError, RedirectWarning, UserError, ValidationError

from odoo.addons.queue_job.exception import RetryableJobError

from ...const import APPLIED_PER_JOB, FIRST_PAUSE, LONGEST_PAUSE, MAX_TRIES, READ_RESOURCES

_logger = logging.getLogger(__name__)

LONGEST_WAIT = timedelta(days=2)

REFUSALS = (UserError, ValidationError, AccessError, RedirectWarning)
# what the whole job has to hear of: it is repeated
REPEATED = (Error, ConcurrencyError, RetryableJobError)


class PaytWaits(Exception):
    """What a record of PAYT refers to isn't here yet; it is followed as soon as that is."""


class PaytLeft(Exception):
    """There is nothing to book in Odoo for a record of PAYT, and a person may want to know why.

    :param moves: ``account.move`` records of which PAYT has to hear again, as it counts this in now
    """

    def __init__(self, message, moves=None):
        super().__init__(message)
        self.moves = moves


class PaytMirror(models.Model):
    """Following what PAYT said: rows are worked off in batches, each row by itself, whatever order they came in.

    Each resource has a file with ``_apply_<resource>(known)`` for one row and, where records are deleted at PAYT,
    ``_apply_deleted_<resource>(known)``. Both may be called again for the same record and then change nothing, and
    return the Odoo record that follows the row, or nothing. ``_get_known_<resource>()`` reads for the whole batch what
    they need; ``_get_idle_<resource>(known)`` gives the rows for which there is nothing to do at all.

    They raise :class:`PaytWaits` when something isn't there yet, :class:`PaytLeft` when there is nothing to do and the
    row should say why, and ``UserError`` with a sentence for a person when they can't do it (an account that isn't
    chosen): the row then needs attention, and nothing of it was done. So does a row over which we stumble: it doesn't
    stop the others.
    """

    _inherit = "payt.mirror"

    # === ACTIONS

    def action_try_again(self):
        """Follow again, after somebody changed what was in the way."""
        self.check_access("read")
        self.env["payt.backend"].check_access("read")
        rows = self.sudo().filtered(lambda row: row.state in ("waiting", "error", "dismissed"))
        rows.write({"state": "pending", "tries": 0, "next_try_at": False})
        for backend in rows.backend_id:
            self.sudo()._enqueue_apply(backend)

    def action_dismiss(self):
        """A person settled it in another way."""
        self.check_access("read")
        self.sudo().filtered(lambda row: row.state in ("waiting", "error")).state = "dismissed"

    def action_open_record(self):
        """Open the record that follows this one."""
        self.ensure_one()
        return {"type": "ir.actions.act_window", "res_model": self.model, "res_id": self.res_id, "view_mode": "form"}

    # === JOB

    @api.model
    def _enqueue_apply(self, backend):
        """Leave the work to a job, which any Odoo server on this database may take."""
        self.with_user(SUPERUSER_ID).with_delay(
            description=self.env._("%s: follow what PAYT said", backend.name),
            identity_key=f"bfocused_payt_connector.apply.{backend.id}",
        )._job_apply(backend.id)

    @api.model
    def _job_apply(self, backend_id):
        """Job: follow a batch, and leave what remains to the next one."""
        backend = self.env["payt.backend"].browse(backend_id).exists()
        if not backend or backend.paused:
            return
        rows = self.with_company(backend.company_id)._take_batch(backend)
        rows._apply()
        if rows and self.search_count(self._get_due_domain(backend), limit=1):
            self._enqueue_apply(backend)

    @api.model
    def _get_due_domain(self, backend):
        now = fields.Datetime.now()
        return [
            *(("backend_id", "=", backend.id), ("state", "in", ("pending", "waiting"))),
            *("|", ("next_try_at", "=", False), ("next_try_at", "<=", now)),
        ]

    @api.model
    def _take_batch(self, backend):
        """Lock rows of the first resource with something to do."""
        due = self._get_due_domain(backend)
        first = self.search(due, order="rank, id", limit=1)
        rows = self.search([*due, ("rank", "=", first.rank)], order="id", limit=APPLIED_PER_JOB)
        return rows.try_lock_for_update(allow_referencing=True)

    # === BUSINESS: FOLLOWING

    def _apply(self):
        """Follow these rows, in the order of their resources."""
        by_resource = self.grouped("resource")
        for resource in READ_RESOURCES:
            rows = by_resource.get(resource, self.browse())
            for backend, its_rows in rows.grouped("backend_id").items():
                its_rows.with_company(backend.company_id)._apply_resource(resource)

    def _apply_resource(self, resource):
        try:
            with self.env.cr.savepoint():
                known = self._get_known(resource)
                idle = self._get_idle(resource, known)
        except REPEATED:
            raise
        except Exception as error:  # one of these rows isn't as it should be: find out which
            if len(self) == 1:
                self._note_unexpected_error(error)
                return
            half = len(self) // 2
            self[:half]._apply_resource(resource)
            self[half:]._apply_resource(resource)
            return
        idle.sudo().write(self._prepare_done())
        done = bool(idle)
        for row in self - idle:
            done |= row._apply_row(known)
        if done:
            self._wake_waiting()

    def _get_known(self, resource):
        return getattr(self, f"_get_known_{resource}", dict)()

    def _get_idle(self, resource, known):
        """Rows that mean nothing to Odoo: they are done at once, not one by one."""
        return getattr(self, f"_get_idle_{resource}", lambda known: self.browse())(known)

    def _prepare_done(self):
        return {"state": "done", "message": False, "next_try_at": False, "done_at": fields.Datetime.now()}

    def _apply_row(self, known):
        """Follow one row.

        :return: whether that could be done
        """
        self.ensure_one()
        method = f"_apply_{'deleted_' if self.deleted_at else ''}{self.resource}"
        record = message = False
        try:
            with self.env.cr.savepoint():
                record = getattr(self.sudo(), method, lambda known: None)(known)
        except PaytWaits as reason:
            self._retry_later(str(reason))
            return False
        except PaytLeft as reason:
            message = str(reason)
            if reason.moves:
                reason.moves.with_context(payt_following=False)._queue_payt_update()
        except REFUSALS as error:
            self._retry_later(error.args[0] if error.args else str(error), needs_person=True)
            return False
        except (DataError, IntegrityError) as error:  # somebody else did it at the same time, or it doesn't fit
            self._retry_later(str(error).splitlines()[0])
            return False
        except REPEATED:
            raise
        except Exception as error:
            self._note_unexpected_error(error)
            return False
        values = {**self._prepare_done(), "message": message}
        if record:
            values.update(model=record._name, res_id=record.id)
        self.sudo().write(values)
        return True

    def _note_unexpected_error(self, error):
        """Nobody thought of this: the row is left to a person, and the log has what happened."""
        _logger.error("PAYT record %s could not be followed", self.id, exc_info=error)
        message = self.env._("Odoo can't follow what PAYT says here (%s). The log has more.", repr(error))
        self._retry_later(message, needs_person=True)

    def _retry_later(self, message, needs_person=False):
        """Try again later; after many tries, or where our books are in the way, a person has to look."""
        # who was woken up because something else is here now hasn't waited; but where much comes, that is each time
        tries = self.tries + 1 if self.next_try_at or not self.tries else self.tries
        longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (tries - 1))
        pause = timedelta(seconds=longest / 2 + longest / 2 * random.random())
        error = needs_person or tries >= MAX_TRIES or self._has_waited(LONGEST_WAIT)
        self.sudo().write(
            {
                "state": "error" if error else "waiting",
                "message": message,
                "tries": tries,
                "waiting_since": self.waiting_since if self.tries else fields.Datetime.now(),
                "next_try_at": False if error else fields.Datetime.now() + pause,
            }
        )

    def _has_waited(self, longest):
        """Whether it was put off for the first time so long ago."""
        return bool(self.tries and self.waiting_since and self.waiting_since < fields.Datetime.now() - longest)

    def _wake_waiting(self):
        """Something new is here: what waits may have waited for it."""
        waiting = self.sudo().search(
            [("backend_id", "in", self.backend_id.ids), ("state", "=", "waiting"), ("next_try_at", "!=", False)]
        )
        waiting.try_lock_for_update(allow_referencing=True).next_try_at = False

    # === CRON

    @api.model
    def _cron_apply(self):
        """Find connections with something to follow, and leave the work to jobs."""
        for backend in self.env["payt.backend"].search([("paused", "=", False)]):
            if self.search_count(self._get_due_domain(backend), limit=1):
                self._enqueue_apply(backend)
