import json
import logging
import random
from datetime import timedelta
from hashlib import sha256

from psycopg2 import DataError, Error, IntegrityError
from psycopg2.extras import execute_values

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import AccessError, ConcurrencyError, RedirectWarning, UserError, ValidationError

from odoo.addons.bfocused_billing.transactions import isolated
from odoo.addons.queue_job.exception import RetryableJobError

from ...const import APPLIED_PER_JOB, FIRST_PAUSE, LONGEST_PAUSE, MAX_TRIES, READ_RANKS
from ...handlers import HANDLERS
from ...handlers.base import PaytLeft, PaytWaits
from ...handlers.payload import read_moment

_logger = logging.getLogger(__name__)

LONGEST_WAIT = timedelta(days=2)

REFUSALS = (UserError, ValidationError, AccessError, RedirectWarning)
# what the whole job has to hear of: it is repeated
REPEATED = (Error, ConcurrencyError, RetryableJobError)

COLUMNS = (
    *("backend_id", "company_id", "resource", "rank", "payt_id", "payload", "checksum", "payt_updated_at"),
    *("deleted_at", "state", "tries", "read_at"),
)


class PaytMirror(models.Model):
    """What PAYT last said of a record of its own: one row per record, and whether Odoo followed.

    Reading only fills this table, so that what can't be booked today stops no mark and is never lost. Storing the same
    again changes nothing, in whatever order webhooks and pages come.

    Rows are followed in batches, each row by itself. What a row does in Odoo, the handler of its resource knows
    (``handlers.HANDLERS``). A row that can't be followed waits or needs attention, and nothing of it was done. So does
    a row with an error that nobody thought of: it doesn't stop the others.
    """

    _name = "payt.mirror"
    _description = "PAYT Record"
    _order = "id desc"
    _rec_name = "payt_id"
    _log_access = False

    backend_id = fields.Many2one("payt.backend", string="Connection", required=True, index=True, ondelete="cascade")
    company_id = fields.Many2one("res.company", required=True)
    resource = fields.Selection(
        [
            ("debtors", "Debtor"),
            ("psp_mandates", "Mandate"),
            ("invoices", "Invoice"),
            ("credit_cases", "Credit case"),
            ("psp_transactions", "Provider's transaction"),
            ("payments", "Payment"),
            ("payment_plans", "Payment plan"),
            ("notifications", "Notification"),
            ("notes", "Comment"),
            ("messages", "Message"),
        ],
        string="What",
        required=True,
    )
    rank = fields.Integer(required=True)
    payt_id = fields.Char(string="PAYT's id", required=True)
    payload = fields.Json(groups="base.group_system")
    checksum = fields.Char(required=True)
    payt_updated_at = fields.Datetime(string="Changed at PAYT")
    deleted_at = fields.Datetime(string="Deleted at PAYT")
    state = fields.Selection(
        [
            ("pending", "To do"),
            ("waiting", "Waits for another record"),
            ("done", "Done"),
            ("error", "Needs attention"),
            ("dismissed", "Left as it is"),
        ],
        required=True,
        default="pending",
    )
    message = fields.Char(help="Why it couldn't be followed, or what it waits for.")
    tries = fields.Integer()
    next_try_at = fields.Datetime(string="Next try")
    waiting_since = fields.Datetime(string="Waits since")
    read_at = fields.Datetime(string="Read")
    done_at = fields.Datetime(string="Followed")
    model = fields.Char()
    res_id = fields.Many2oneReference(string="Record", model_field="model")

    _record_once = models.UniqueIndex("(backend_id, resource, payt_id)", "This record of PAYT is known already.")
    _todo = models.Index("(backend_id, rank, id) WHERE state IN ('pending', 'waiting')")
    _attention = models.Index("(backend_id) WHERE state = 'error'")
    _of_record = models.Index("(model, res_id) WHERE res_id IS NOT NULL")
    _of_plan = models.Index(
        "(backend_id, (payload->>'active_payment_plan_id'))"
        " WHERE resource IN ('invoices', 'credit_cases') AND payload->>'active_payment_plan_id' IS NOT NULL"
    )
    _payments_of_invoice = models.Index("(backend_id, (payload ->> 'invoice_id')) WHERE resource = 'payments'")
    _payments_of_transaction = models.Index(
        "(backend_id, (payload -> 'psp_transaction' ->> 'id')) WHERE resource = 'payments'"
    )

    # === ACTIONS

    def action_try_again(self):
        """Follow again, after somebody changed what was in the way."""
        self.check_access("read")
        self.env["payt.backend"].check_access("read")
        rows = self.sudo().filtered(lambda row: row.state in ("waiting", "error", "dismissed"))
        rows._follow_again()

    def action_dismiss(self):
        """A person settled it in another way."""
        self.check_access("read")
        self.sudo().filtered(lambda row: row.state in ("waiting", "error")).state = "dismissed"

    def action_open_record(self):
        """Open the record that follows this one."""
        self.ensure_one()
        return {"type": "ir.actions.act_window", "res_model": self.model, "res_id": self.res_id, "view_mode": "form"}

    # === BUSINESS: STORING

    @api.model
    def _store(self, backend, resource, records, is_deleted=False):
        """Keep what PAYT says of records; what says nothing new is left alone, and so is what is older.

        :param backend: ``payt.backend`` record
        :param resource: name in ``const.READ_RESOURCES``
        :param records: dicts as the client read them, at most a page
        :param is_deleted: they come from the list of deleted records
        :return: the PAYT ids of which there is something new to follow
        """
        rows = {}
        for record in records:
            row = self._prepare_row(backend, resource, record, is_deleted)
            rows[row[COLUMNS.index("payt_id")]] = row
        if not rows:
            return []
        self.flush_model()
        stored = execute_values(
            self.env.cr._obj,
            f"""
            INSERT INTO payt_mirror AS mirror ({", ".join(COLUMNS)}) VALUES %s
            ON CONFLICT (backend_id, resource, payt_id) DO UPDATE
               SET payload = CASE WHEN excluded.deleted_at IS NULL THEN excluded.payload ELSE mirror.payload END,
                   checksum = excluded.checksum, payt_updated_at = excluded.payt_updated_at,
                   deleted_at = excluded.deleted_at, state = 'pending', tries = 0, next_try_at = NULL, message = NULL,
                   read_at = excluded.read_at
             WHERE mirror.checksum <> excluded.checksum
               AND (mirror.payt_updated_at IS NULL OR excluded.payt_updated_at >= mirror.payt_updated_at)
               AND (mirror.deleted_at IS NULL OR excluded.payt_updated_at > mirror.deleted_at)
         RETURNING payt_id""",
            list(rows.values()),
            fetch=True,
        )
        self.invalidate_model()
        return [payt_id for [payt_id] in stored]

    @api.model
    def _prepare_row(self, backend, resource, record, is_deleted):
        text = json.dumps(self._without_accounts(record), sort_keys=True, default=str)
        moment = read_moment(record.get("deleted_at" if is_deleted else "updated_at"))
        values = {
            "backend_id": backend.id,
            "company_id": backend.company_id.id,
            "resource": resource,
            "rank": READ_RANKS[resource],
            "payt_id": str(record["id"]),
            "payload": text,
            "checksum": sha256(f"{is_deleted} {text}".encode()).hexdigest(),
            "payt_updated_at": moment,
            "deleted_at": moment if is_deleted else None,
            "state": "pending",
            "tries": 0,
            "read_at": fields.Datetime.now(),
        }
        return tuple(values[name] for name in COLUMNS)

    @api.model
    def _without_accounts(self, value):
        """Bank accounts of customers aren't needed here, so they aren't kept."""
        if isinstance(value, dict):
            return {key: self._without_accounts(one) for key, one in value.items() if key != "bank_account_number"}
        return [self._without_accounts(one) for one in value] if isinstance(value, list) else value

    # === BUSINESS: FOLLOWING

    def _follow_again(self):
        """What PAYT said last counts again: these rows are followed once more."""
        self._make_pending()
        for backend in self.backend_id:
            self._enqueue_apply(backend)

    def _make_pending(self):
        self.write({"state": "pending", "tries": 0, "next_try_at": False})

    def _apply(self):
        """Follow these rows, in the order of their resources."""
        by_resource = self.grouped("resource")
        for resource in HANDLERS:
            rows = by_resource.get(resource, self.browse())
            for backend, backend_rows in rows.grouped("backend_id").items():
                backend_rows.with_company(backend.company_id)._apply_resource(resource)

    def _apply_resource(self, resource):
        """Follow rows of one resource and connection."""
        handler = HANDLERS[resource](self)
        with isolated(self.env.cr, passing=REPEATED) as outcome:
            handler.prepare()
            idle = handler.get_idle()
        if outcome.error:  # one of these rows isn't as it should be: find out which
            if len(self) == 1:
                self._note_unexpected_error(outcome.error)
                return
            half = len(self) // 2
            self[:half]._apply_resource(resource)
            self[half:]._apply_resource(resource)
            return
        idle.write(self._prepare_done())
        done = bool(idle)
        for row in self - idle:
            done |= row._apply_row(handler)
        if done:
            self._wake_waiting()
        handler.finish()

    def _prepare_done(self):
        return {"state": "done", "message": False, "next_try_at": False, "done_at": fields.Datetime.now()}

    def _apply_row(self, handler):
        """Follow one row.

        :return: whether that could be done
        """
        self.ensure_one()
        record = message = False
        try:
            with self.env.cr.savepoint():
                record = handler.follow(self)
        except PaytLeft as reason:
            message = str(reason)
            if reason.moves:
                reason.moves.with_context(payt_following=False)._queue_payt_update()
        except Exception as error:
            self._note_failure(error)
            return False
        self._note_done(record, message)
        return True

    def _note_done(self, record, message):
        values = {**self._prepare_done(), "message": message}
        if record:
            values.update(model=record._name, res_id=record.id)
        self.sudo().write(values)

    def _note_failure(self, error):
        """Say why a row couldn't be followed, and when to try again.

        :raise: what the whole job has to hear of
        """
        if isinstance(error, PaytWaits):
            self._retry_later(str(error))
        elif isinstance(error, REFUSALS):
            self._retry_later(error.args[0] if error.args else str(error), needs_person=True)
        elif isinstance(error, (DataError, IntegrityError)):  # somebody else did it at the same time, or it doesn't fit
            self._retry_later(str(error).splitlines()[0])
        elif isinstance(error, REPEATED):
            raise error
        else:
            self._note_unexpected_error(error)

    def _note_unexpected_error(self, error):
        """Leave a row with an error that nobody thought of to a person; the log has what happened."""
        _logger.error("PAYT record %s could not be followed", self.id, exc_info=error)
        message = self.env._("Odoo can't follow what PAYT says here (%s). The log has more.", repr(error))
        self._retry_later(message, needs_person=True)

    def _retry_later(self, message, needs_person=False):
        """Try again later; after many tries, or where our books are in the way, a person has to look."""
        # a row that was woken up because something else is here now hasn't waited: that isn't a try
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
        """Whether it waited for the first time so long ago."""
        return bool(self.tries and self.waiting_since and self.waiting_since < fields.Datetime.now() - longest)

    def _wake_waiting(self):
        """Something new is here: what waits may have waited for it."""
        waiting = self.sudo().search(
            [("backend_id", "in", self.backend_id.ids), ("state", "=", "waiting"), ("next_try_at", "!=", False)]
        )
        waiting.try_lock_for_update(allow_referencing=True).next_try_at = False

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

    # === CRON

    @api.model
    def _cron_apply(self):
        """Find connections with something to follow, and leave the work to jobs."""
        for backend in self.env["payt.backend"].search([("paused", "=", False)]):
            if self.search_count(self._get_due_domain(backend), limit=1):
                self._enqueue_apply(backend)
