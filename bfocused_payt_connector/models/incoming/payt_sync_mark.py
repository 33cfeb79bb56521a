from datetime import UTC, datetime, timedelta
from itertools import islice

from odoo import SUPERUSER_ID, api, fields, models

from odoo.addons.bfocused_billing.transactions import lock_or_retry

from ...const import DELETED_DAYS, DEPRECATED, NOT_READ, PAGES_PER_JOB, READ_RESOURCES
from ...payt_api import PaytError, PaytForbidden
from ...payt_api.entities import ENTITIES
from ...payt_api.operations import LISTINGS, WITH_DELETED
from ...payt_api.paging import SyncMark

SECONDS_BETWEEN_TRIES = 5  # of a job whose mark is in other hands
SECONDS_AFTER_FAILURE = 300  # of PAYT's; the scheduled action asks again too


class PaytSyncMark(models.Model):
    """How far a list of PAYT was read.

    One row per list. Its reader has it locked, and it moves only with the pages that were stored. A long list is read
    in several jobs: the cursor says where the next one goes on, and the mark moves once the end was reached.
    """

    _name = "payt.sync.mark"
    _description = "PAYT Reading Mark"
    _order = "backend_id, id"
    _rec_name = "resource"

    backend_id = fields.Many2one("payt.backend", string="Connection", required=True, index=True, ondelete="cascade")
    company_id = fields.Many2one(related="backend_id.company_id", store=True)
    resource = fields.Selection(lambda self: self._get_resource_names(), string="What", required=True)
    is_deleted = fields.Boolean(string="Deleted ones", required=True, default=False)
    mark = fields.Char(readonly=True, help="PAYT's moment up to which everything was read.")
    cursor = fields.Char(readonly=True, help="Where the reading that is going on continues.")
    newest = fields.Char(readonly=True, help="The newest moment that the reading going on has seen.")
    started_at = fields.Datetime(readonly=True, help="When the reading that is going on began.")
    read_at = fields.Datetime(string="Last read", readonly=True, help="When the end of the list was reached last.")
    record_count = fields.Integer(string="Records", readonly=True, help="Read since the connection was made.")
    error = fields.Char(string="Message", readonly=True)

    _list_once = models.UniqueIndex("(backend_id, resource, is_deleted)", "This list has a mark already.")

    @api.model
    def _get_resource_names(self):
        return self.env["payt.mirror"]._fields["resource"].selection

    # === BUSINESS

    @api.model
    def _get_marks(self, backend):
        """The marks of a connection; made where there are none yet.

        :param backend: ``payt.backend`` record
        """
        marks = self.search([("backend_id", "=", backend.id)])
        known = {(mark.resource, mark.is_deleted) for mark in marks}
        wanted = [(resource, False) for resource in READ_RESOURCES]
        wanted += [(resource, True) for resource in READ_RESOURCES if resource in WITH_DELETED]
        return marks + self.create(
            [
                {"backend_id": backend.id, "resource": resource, "is_deleted": is_deleted}
                for resource, is_deleted in wanted
                if (resource, is_deleted) not in known
            ]
        )

    @api.model
    def _get_fields_read(self, resource):
        """The fields to ask for; none where PAYT offers no choice."""
        if not LISTINGS[resource].selectable:
            return []
        left_out = NOT_READ.get(resource, set()) | DEPRECATED
        return [name for name in ENTITIES[resource].__annotations__ if name not in left_out]

    # === JOB

    def _enqueue(self, seconds=0):
        """Leave the reading to jobs, one per list.

        :param seconds: not before so many
        """
        for mark in self:
            mark.with_user(SUPERUSER_ID).with_delay(
                eta=seconds,
                description=self.env._(
                    "%(connection)s: read %(what)s", connection=mark.backend_id.name, what=mark.resource
                ),
                identity_key=f"bfocused_payt_connector.read.{mark.id}",
            )._job_read()

    def _job_read(self):
        """Job: read some pages, and leave what remains to the next one."""
        self.ensure_one()
        if self.backend_id.paused:
            return
        lock_or_retry(self, "Another worker is reading this list.", SECONDS_BETWEEN_TRIES)
        try:
            with self.env.cr.savepoint():
                goes_on = self._read()
        except PaytForbidden as error:
            if self.backend_id._is_done_without(self.resource, error):
                self.write({"error": str(error), "read_at": fields.Datetime.now()})
            else:
                self.backend_id._stop(str(error))
        except PaytError as error:
            self.error = str(error)
            if error.retryable:
                self._enqueue(SECONDS_AFTER_FAILURE)
        else:
            if goes_on:
                self._enqueue()

    def _read(self, pages=PAGES_PER_JOB):
        """Read and store pages; the caller has locked the mark.

        :param pages: how many at most
        :return: whether there is more to read
        """
        self.ensure_one()
        backend, mirror = self.backend_id, self.env["payt.mirror"].sudo()
        with backend._get_client() as client:
            if not self.cursor:
                self.started_at = fields.Datetime.now() + (client.clock_difference or timedelta())
            sync = SyncMark(self.mark or "", self.started_at.replace(tzinfo=UTC))
            sync.resume(self.newest or "")
            read, count = 0, 0
            for page in islice(self._get_pages(client), pages):
                mirror._store(backend, self.resource, page.records, self.is_deleted)
                sync.see(page)
                self.cursor = page.cursor
                read, count = read + 1, count + len(page)
        # the last page may carry a cursor, of which nothing comes any more, or none
        goes_on = read == pages and bool(self.cursor)
        self._note_read(sync, count, is_end=not goes_on)
        if count:
            mirror._enqueue_apply(backend)
        return goes_on

    def _get_pages(self, client):
        where = {"cursor": self.cursor or ""}
        if self.is_deleted:
            first = datetime.now(UTC) - timedelta(days=DELETED_DAYS)
            return client.iter_deleted(self.resource, deleted_after=self.mark or first, **where)
        return client.iter_pages(
            self.resource, updated_after=self.mark or "", fields=self._get_fields_read(self.resource), **where
        )

    def _note_read(self, sync, count, is_end):
        values = {"record_count": self.record_count + count, "error": False, "newest": sync.newest}
        if is_end:
            values.update(mark=sync.value, cursor=False, newest=False, read_at=fields.Datetime.now())
        self.write(values)
