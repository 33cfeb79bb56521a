import random
from datetime import timedelta

from psycopg2.extras import execute_values

from odoo import SUPERUSER_ID, api, fields, models

from odoo.addons.queue_job.exception import RetryableJobError

from ...const import FIRST_PAUSE, LONGEST_PAUSE, MAX_TRIES, TRIES_TO_WAIT_FOR
from ...delivery import RESOURCES, OutboxSender, get_rank

RETENTION = timedelta(days=180)
NOW = "now() AT TIME ZONE 'UTC'"
SECONDS_BETWEEN_TRIES = 5  # of a job whose connection is in other hands


class PaytOutbox(models.Model):
    """What has to reach PAYT: which record, not yet what of it.

    A row is written in the transaction of the change and says that PAYT hasn't got the record as it is now. The payload
    is made when it is sent, so a record that changes five times meanwhile is sent once.

    A record has one waiting row per resource. While that one is being sent its sender has locked it; what changes then
    gets a second row, the successor, so that it isn't lost and nobody waits for PAYT.

    A job takes a batch of one resource and has an ``OutboxSender`` send it. One job at a time per connection, so that
    what must come first does. The batch and its outcome are one transaction. When its worker is lost between PAYT's
    answer and the commit, the rows are still waiting and go once more: upserts do no harm the second time, and what
    isn't one is looked up first.
    """

    _name = "payt.outbox"
    _description = "PAYT Outbox"
    _order = "id desc"

    backend_id = fields.Many2one("payt.backend", string="Connection", required=True, index=True, ondelete="cascade")
    company_id = fields.Many2one(related="backend_id.company_id", store=True)
    resource = fields.Selection(
        [(resource.name, resource.label) for resource in RESOURCES.values()],
        string="Kind of record",
        required=True,
    )
    rank = fields.Integer(required=True, help="The order that works: each may refer to what comes before it.")
    model = fields.Char(required=True)
    res_id = fields.Many2oneReference(string="Record", model_field="model", required=True)
    record_name = fields.Char(string="Name")
    state = fields.Selection(
        [
            ("pending", "Waiting"),
            ("sent", "Sent"),
            ("refused", "Refused by PAYT"),
            ("error", "Failed"),
            ("cancelled", "Superseded"),
        ],
        required=True,
        default="pending",
    )
    is_successor = fields.Boolean(required=True, default=False)
    is_forced = fields.Boolean(help="Is sent even if PAYT took the same before.")
    checksum = fields.Char(help="Of what was sent last.")
    told_fields = fields.Json(help="The fields PAYT was told of the record, now or before.")
    tries = fields.Integer()
    next_try_at = fields.Datetime(string="Next try")
    error = fields.Char(string="Message", help="PAYT's words, or why it couldn't be sent.")
    changed_at = fields.Datetime()
    sent_at = fields.Datetime()
    request_facts = fields.Char(string="Request")

    _waiting_once = models.UniqueIndex(
        "(backend_id, resource, model, res_id, is_successor) WHERE state = 'pending'",
        "This is waiting to be sent already.",
    )
    _by_record = models.Index("(backend_id, model, res_id, resource, state)")
    _waiting = models.Index("(backend_id, rank, id) WHERE state = 'pending'")
    _attention = models.Index("(backend_id) WHERE state IN ('refused', 'error')")

    # === ACTIONS

    def action_try_again(self):
        """Send refused and failed rows again, after somebody changed what was wrong, and waiting ones at once."""
        self.check_access("read")
        rows = self.sudo()
        rows._make_due()
        for row in rows.filtered(lambda row: row.state in ("refused", "error")):
            record = row._get_record()
            if record:
                row.state = "cancelled"
                self._put_for(row.backend_id, record, row.resource)
        self._wake()

    def action_send_again(self):
        """Send once more what PAYT took already."""
        self.check_access("read")
        for row in self.sudo():
            if record := row._get_record():
                self._put_for(row.backend_id, record, row.resource, force=True)

    def action_open_record(self):
        """Open the record the row is about."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": self.model,
            "res_id": self.res_id,
            "view_mode": "form",
        }

    # === BUSINESS: WRITING ROWS

    @api.model
    def _put(self, records, resource, force=False):
        """Say, in the transaction of the change, that PAYT has to get these records.

        Also while the connection is paused; without one nothing happens.

        :param records: of one model, with ``_get_payt_backend`` and the methods that the resource's row names
        :param resource: a name in ``delivery.RESOURCES``
        :param force: send it even if PAYT took the same before
        """
        by_backend = {}
        for record in records:
            for backend in record._get_payt_backend():
                by_backend.setdefault(backend, []).append(record.id)
        for backend, ids in by_backend.items():
            self._put_for(backend, records.browse(ids), resource, force)

    @api.model
    def _put_for(self, backend, records, resource, force=False):
        """As :meth:`_put`, for a backend that is known."""
        self.flush_model()
        named = {record.id: record.display_name for record in records.sudo()}
        # A row that can be locked isn't being sent, and can't be until we are done. It is changed, not only locked: a
        # sender whose view of the database is older has to fail and look again.
        self.env.cr.execute(
            """
            WITH ours AS (
                SELECT id FROM payt_outbox
                 WHERE backend_id = %s AND model = %s AND resource = %s AND res_id IN %s AND state = 'pending'
                   FOR UPDATE SKIP LOCKED)
            UPDATE payt_outbox SET changed_at = now() AT TIME ZONE 'UTC', is_forced = is_forced OR %s
              FROM ours WHERE ours.id = payt_outbox.id
            RETURNING res_id""",
            [backend.id, records._name, resource, tuple(named), force],
        )
        missing = named.keys() - {res_id for [res_id] in self.env.cr.fetchall()}
        for is_successor in (False, True):
            rows = {res_id: named[res_id] for res_id in missing}
            missing -= self._insert(backend, records._name, resource, rows, is_successor, force)
        self.invalidate_model()
        self._wake()

    def _insert(self, backend, model, resource, named, is_successor, force):
        """Make rows where there are none.

        :return: the ids of the records that got one
        """
        rank = get_rank(resource)
        rows = [
            (
                *(backend.id, backend.company_id.id, resource, rank, model, res_id, name, "pending"),
                *(is_successor, force, 0, self.env.uid, self.env.uid),
            )
            for res_id, name in sorted(named.items())
        ]
        if not rows:
            return set()
        inserted = execute_values(
            self.env.cr._obj,
            """
            INSERT INTO payt_outbox (backend_id, company_id, resource, rank, model, res_id, record_name, state,
                                     is_successor, is_forced, tries, create_uid, write_uid,
                                     create_date, write_date, changed_at)
            VALUES %s ON CONFLICT DO NOTHING RETURNING res_id""",
            rows,
            template=f"({', '.join(['%s'] * len(rows[0]))}, {', '.join([NOW] * 3)})",
            page_size=1000,
            fetch=True,
        )
        return {res_id for [res_id] in inserted}

    @api.model
    def _wake(self, at=None):
        """Have the work found, once per transaction or at a moment."""
        if at:
            self._get_cron()._trigger(at=at)
            return
        done = self.env.cr.precommit.data
        if not done.get("bfocused_payt_connector.awake"):
            done["bfocused_payt_connector.awake"] = True
            self._get_cron()._trigger()

    def _get_cron(self):
        return self.env.ref("bfocused_payt_connector.ir_cron_empty_outbox").sudo()

    def _get_record(self):
        """The record the row is about; nothing where it was deleted."""
        self.ensure_one()
        return self.env[self.model].browse(self.res_id).exists() if self.model in self.env else None

    # === BUSINESS: THE JOB

    @api.model
    def _enqueue(self, backend):
        """Leave the outbox of a connection to a job, which any Odoo server on this database may take."""
        self.with_user(SUPERUSER_ID).with_delay(
            description=self.env._("%s: send what is waiting", backend.name),
            identity_key=f"bfocused_payt_connector.empty.{backend.id}",
        )._job_empty(backend.id)

    @api.model
    def _job_empty(self, backend_id):
        """Job: send a batch, and leave what remains to the next one."""
        backend = self.env["payt.backend"].browse(backend_id).exists()
        if not backend or backend.paused:
            return
        self.env.cr.execute("SELECT pg_try_advisory_xact_lock(hashtext('payt_outbox'), %s)", [backend.id])
        if not self.env.cr.fetchone()[0]:
            raise RetryableJobError("The outbox is in other hands.", seconds=SECONDS_BETWEEN_TRIES, ignore_retry=True)
        outbox = self.with_company(backend.company_id)
        rows = outbox._take_batch(backend)
        if not rows:
            return
        attempts = self.env["payt.outbox.attempt"]
        in_doubt = attempts._is_in_doubt(backend)
        attempt = attempts._begin(backend)
        goes_on = OutboxSender(backend, rows).send(in_doubt)
        attempts._settle(backend, attempt, still_in_doubt=in_doubt and outbox._get_due_rank(backend) is not None)
        rows.filtered(lambda row: row.state == "sent")._supersede_failures()
        if goes_on:
            outbox._enqueue_rest(backend)

    def _enqueue_rest(self, backend):
        """Go on with the next batch now, or when it is time."""
        if self._get_due_rank(backend) is not None:
            self._enqueue(backend)
        elif later := self.search(
            [("backend_id", "=", backend.id), ("state", "=", "pending"), ("next_try_at", "!=", False)],
            order="next_try_at",
            limit=1,
        ):
            self._wake(later.next_try_at)

    # === BUSINESS: WHAT IS NEXT

    def _get_due_rank(self, backend):
        """The first resource with something to send now.

        A later one waits while an earlier one is being tried again, which it may depend on; but not for ever.
        """
        self.flush_model()
        self.env.cr.execute(
            """
            SELECT rank, bool_or(next_try_at IS NULL OR next_try_at <= %(now)s),
                   bool_or(next_try_at > %(now)s AND tries <= %(tries)s)
              FROM payt_outbox WHERE backend_id = %(backend)s AND state = 'pending'
             GROUP BY rank ORDER BY rank""",
            {"now": fields.Datetime.now(), "tries": TRIES_TO_WAIT_FOR, "backend": backend.id},
        )
        for rank, is_due, is_waited_for in self.env.cr.fetchall():
            if is_due:
                return rank
            if is_waited_for:
                return None
        return None

    def _take_batch(self, backend):
        """Lock as many rows of one resource as go into a job."""
        rank = self._get_due_rank(backend)
        if rank is None:
            return self.browse()
        domain = [
            *(("backend_id", "=", backend.id), ("state", "=", "pending"), ("rank", "=", rank)),
            *("|", ("next_try_at", "=", False), ("next_try_at", "<=", fields.Datetime.now())),
        ]
        first = self.search(domain, order="id", limit=1)
        # a rank may have meant another resource before an update
        domain.append(("resource", "=", first.resource))
        rows = self.search(domain, order="id", limit=RESOURCES[first.resource].batch_size)
        return rows._get_one_per_record().try_lock_for_update(allow_referencing=True)

    def _get_one_per_record(self):
        """The first row of each record. The other one stays free to take up what changes while this one is sent."""
        first = {}
        for row in self:
            first.setdefault(row._get_key(), row.id)
        return self.browse(first.values())

    # === BUSINESS: WHAT BECAME OF ROWS

    def _make_due(self):
        waiting = self.filtered(lambda row: row.state == "pending" and row.next_try_at)
        waiting.try_lock_for_update(allow_referencing=True).next_try_at = False

    def _mark_sent(self, checksum, message=False):
        self.write(
            {
                "state": "sent",
                "checksum": checksum,
                "error": message,
                "sent_at": fields.Datetime.now(),
                "next_try_at": False,
            }
        )

    def _supersede_failures(self):
        """What was wrong with these records before isn't any more."""
        if not self:
            return
        wrong = self.search(
            [
                ("backend_id", "in", self.backend_id.ids),
                ("resource", "in", self.mapped("resource")),
                ("model", "in", self.mapped("model")),
                ("res_id", "in", self.mapped("res_id")),
                ("state", "in", ("refused", "error")),
            ]
        )
        keys = {row._get_key() for row in self}
        wrong.filtered(lambda row: row._get_key() in keys).state = "cancelled"

    def _mark_refused(self, message):
        self.write({"state": "refused", "error": message, "next_try_at": False})

    def _mark_failed(self, message):
        self.write({"state": "error", "error": message, "next_try_at": False})

    def _mark_superfluous(self, message):
        self.write({"state": "cancelled", "error": message, "next_try_at": False})

    def _postpone(self, message, at_least=0):
        """Try again later; after many tries a person has to look."""
        now = fields.Datetime.now()
        for row in self:
            tries = row.tries + 1
            if tries >= MAX_TRIES:
                row._mark_failed(message)
                continue
            longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (tries - 1))
            pause = max(longest / 2 + longest / 2 * random.random(), at_least)
            row.write({"tries": tries, "error": message, "next_try_at": now + timedelta(seconds=pause)})

    def _get_key(self):
        return self.backend_id.id, self.resource, self.model, self.res_id

    # === CRON

    @api.model
    def _cron_empty(self):
        """Find connections with something to send, and leave the work to jobs."""
        domain = [("state", "=", "pending"), ("backend_id.paused", "=", False)]
        due = ["|", ("next_try_at", "=", False), ("next_try_at", "<=", fields.Datetime.now())]
        for [backend] in self._read_group([*domain, *due], ["backend_id"]):
            self._enqueue(backend)

    @api.autovacuum
    def _gc_history(self):
        """Forget what is long done, but never the last that PAYT took of a record: it is compared with."""
        self.env.cr.execute(
            """
            DELETE FROM payt_outbox old
             WHERE old.state IN ('sent', 'cancelled') AND old.write_date < %s
               AND (old.state = 'cancelled' OR EXISTS (
                    SELECT FROM payt_outbox newer
                     WHERE newer.backend_id = old.backend_id AND newer.model = old.model
                       AND newer.res_id = old.res_id AND newer.resource = old.resource
                       AND newer.state = 'sent' AND newer.id > old.id))""",
            [fields.Datetime.now() - RETENTION],
        )
