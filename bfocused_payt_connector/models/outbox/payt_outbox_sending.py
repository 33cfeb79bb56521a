import hashlib
import json
import logging
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from psycopg2 import OperationalError

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import UserError

from odoo.addons.queue_job.exception import RetryableJobError

from ...const import (
    ALWAYS_SENT,
    BATCH_SIZES,
    MAX_RECORDS_PER_WRITE,
    TRIES_TO_WAIT_FOR,
    WRITES_BY_NUMBER,
    WRITES_BY_PAYLOAD,
)
from ...payt_api import (
    BulkResult,
    PaytError,
    PaytFile,
    PaytForbidden,
    PaytPayloadInvalid,
    PaytRejected,
    PaytUnknownOutcome,
)

_logger = logging.getLogger(__name__)

SECONDS_BETWEEN_TRIES = 5  # of a job whose connection is in other hands
FILES_IN_MEMORY = 50


@dataclass
class Parcel:
    """A record on its way: what is sent of it, and the row that asked for it."""

    rows: Any
    record: Any
    key: str = ""
    payload: dict = field(default_factory=dict)
    checksum: str = ""


class PaytOutbox(models.Model):
    """Emptying the outbox: a job takes a batch of one resource, sends it and writes down what became of each row.

    One job at a time per connection, so that what must come first does. The batch and its outcome are one transaction.
    When its worker is lost between PAYT's answer and the commit, the rows are still waiting and go once more: upserts
    do no harm the second time, and what isn't one is looked up first.
    """

    _inherit = "payt.outbox"

    # === JOB

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
        goes_on = outbox._send_batch(backend, rows, in_doubt)
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

    # === WHAT IS NEXT

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
        rows = self.search(domain, order="id", limit=BATCH_SIZES.get(first.resource, MAX_RECORDS_PER_WRITE))
        return rows._get_one_per_record().try_lock_for_update(allow_referencing=True)

    def _get_one_per_record(self):
        """The first row of each record. The other one stays free to take up what changes while this one is sent."""
        first = {}
        for row in self:
            first.setdefault(row._get_key(), row.id)
        return self.browse(first.values())

    # === A BATCH

    def _send_batch(self, backend, rows, in_doubt=False):
        """Send what the rows are about.

        :param in_doubt: an earlier sender was lost, so what PAYT took last isn't known
        :return: whether going on makes sense
        """
        resource = rows[0].resource
        parcels = self._prepare_parcels(backend, resource, rows)
        to_send = parcels if in_doubt else self._skip_unchanged(backend, resource, parcels)
        if not to_send:
            return True
        try:
            with backend._get_client() as client:
                to_send = self._upload_files(client, resource, to_send)
                try:
                    self._send(client, backend, resource, to_send)
                finally:
                    self._note_requests(resource, to_send, client)
        except PaytForbidden as error:
            # the token may have had the connection stopped already
            backend._stop(str(error))
            self._get_waiting(to_send).error = str(error)
            return False
        except PaytError as error:
            self._settle_rest(backend, resource, self._get_waiting(to_send), error)
        return True

    def _get_waiting(self, parcels):
        return self.concat(*(parcel.rows for parcel in parcels)).filtered(lambda row: row.state == "pending")

    def _settle_rest(self, backend, resource, rows, error):
        """Rows of which nothing is known because of an error that is about all of them."""
        message = str(error)
        if error.retryable or isinstance(error, PaytUnknownOutcome):
            rows._postpone(message, at_least=getattr(error, "retry_after", None) or 0)
        elif isinstance(error, PaytRejected):
            for row in rows:
                self._refuse(backend, resource, Parcel(row, row._get_record()), [message])
        else:
            rows._mark_failed(message)

    # === PARCELS

    def _prepare_parcels(self, backend, resource, rows):
        """Make the payloads; what can't be made stays behind with its reason."""
        parcels = {}
        by_model = rows.grouped("model")
        for model, same_model in by_model.items():
            ids = list(dict.fromkeys(same_model.mapped("res_id")))
            existing = self.env[model].browse(ids).exists() if model in self.env else []
            by_record = same_model.grouped("res_id")
            for record in existing:
                parcel = Parcel(by_record.pop(record.id), record)
                if self._prepare_parcel(backend, resource, parcel):
                    self._keep_one_per_key(parcels, parcel)
            for gone in by_record.values():
                gone._mark_superfluous(self.env._("The record was deleted."))
        return list(parcels.values())

    def _prepare_parcel(self, backend, resource, parcel):
        try:
            with self.env.cr.savepoint(flush=False):
                payload = getattr(parcel.record, f"_prepare_payt_{resource}")(backend)
                parcel.key = getattr(parcel.record, f"_get_payt_key_{resource}")()
        except OperationalError:
            raise
        except (UserError, PaytPayloadInvalid) as error:
            self._refuse(backend, resource, parcel, getattr(error, "problems", None) or [str(error)])
            return False
        except Exception as error:  # one record's trouble is not the others'
            _logger.exception("Outbox row %s can't be prepared", parcel.rows.ids)
            parcel.rows._mark_failed(self.env._("Unexpected error: %s", type(error).__name__))
            return False
        if payload is None:
            parcel.rows._mark_superfluous(self.env._("There is nothing to send any more."))
            return False
        if not parcel.key:
            self._refuse(backend, resource, parcel, [self.env._("It has no number to know it by at PAYT.")])
            return False
        parcel.payload = payload
        parcel.checksum = self._get_checksum(backend, payload)
        return True

    def _keep_one_per_key(self, parcels, parcel):
        if other := parcels.get(parcel.key):
            message = self.env._(
                "%(other)s has the same number: %(key)s.", other=other.record.display_name, key=parcel.key
            )
            parcel.rows._mark_refused(message)
        else:
            parcels[parcel.key] = parcel

    def _get_checksum(self, backend, payload):
        """Of what is sent and where to: another administration has nothing of it."""
        where = [backend.base_url, backend.administration_id]
        return hashlib.sha256(json.dumps([where, payload], sort_keys=True, default=str).encode()).hexdigest()

    def _skip_unchanged(self, backend, resource, parcels):
        """Leave out what PAYT took last in the same form.

        Not what was tried since: PAYT may have got another form of it, and its answer may have been lost.

        :return: the parcels that have to go
        """
        if resource in ALWAYS_SENT:
            return parcels
        taken = self._get_last_taken(backend, resource, parcels)
        to_send = []
        for parcel in parcels:
            is_certain = not any(parcel.rows.mapped("tries")) and not any(parcel.rows.mapped("is_forced"))
            if is_certain and taken.get((parcel.record._name, parcel.record.id)) == parcel.checksum:
                self._take(backend, resource, parcel, {"unchanged": True})
            else:
                to_send.append(parcel)
        return to_send

    def _get_last_taken(self, backend, resource, parcels):
        """The checksum of what PAYT took last, by model and id; not where something else was tried since."""
        taken = {}
        for model, ids in self._get_ids_by_model(parcels).items():
            self.env.cr.execute(
                """
                SELECT res_id, checksum FROM (
                    SELECT DISTINCT ON (res_id) * FROM payt_outbox
                     WHERE backend_id = %s AND model = %s AND resource = %s AND state = 'sent' AND res_id IN %s
                     ORDER BY res_id, sent_at DESC, id DESC) taken
                 WHERE NOT EXISTS (
                    SELECT FROM payt_outbox tried
                     WHERE tried.backend_id = taken.backend_id AND tried.model = taken.model
                       AND tried.resource = taken.resource AND tried.res_id = taken.res_id
                       AND tried.id > taken.id AND tried.tries > 0 AND tried.state != 'sent')""",
                [backend.id, model, resource, tuple(ids)],
            )
            taken |= {(model, res_id): checksum for res_id, checksum in self.env.cr.fetchall()}
        return taken

    def _get_ids_by_model(self, parcels):
        ids = {}
        for parcel in parcels:
            ids.setdefault(parcel.record._name, []).append(parcel.record.id)
        return ids

    # === FILES

    def _upload_files(self, client, resource, parcels):
        """Bring the documents first: an invoice refers to them by checksum.

        :return: the parcels whose files are all there
        """
        if resource != "invoice":
            return parcels
        files = {}
        for number, parcel in enumerate(parcels, start=1):
            files[parcel.key] = [
                PaytFile(
                    file.checksum, file.byte_size, file.content_type, partial(self._read_file, parcel, file.checksum)
                )
                for file in self._get_files(parcel)
            ]
            if number % FILES_IN_MEMORY == 0:
                self.env["ir.attachment"].invalidate_model(["raw", "datas"])
        report = client.upload_files([file for some in files.values() for file in some])
        ready = []
        for parcel in parcels:
            errors = [report.failed[file.checksum] for file in files[parcel.key] if file.checksum in report.failed]
            if not errors:
                ready.append(parcel)
            elif errors[0].retryable:
                parcel.rows._postpone(str(errors[0]))
            else:
                self._refuse(parcel.rows.backend_id, resource, parcel, [str(errors[0])])
        return ready

    def _get_files(self, parcel):
        return [PaytFile.of(content, mimetype) for _name, mimetype, content in parcel.record._get_payt_files()]

    def _read_file(self, parcel, checksum):
        """The bytes, only when PAYT wants them: those of a whole batch would fill the memory."""
        content = next((file.content() for file in self._get_files(parcel) if file.checksum == checksum), b"")
        self.env["ir.attachment"].invalidate_model(["raw", "datas"])
        return content

    # === SENDING

    def _send(self, client, backend, resource, parcels):
        """Send what there is and write down what became of it, also when an error ends it halfway."""
        by_key = {parcel.key: parcel for parcel in parcels}
        try:
            if resource in WRITES_BY_PAYLOAD:
                result = getattr(client, WRITES_BY_PAYLOAD[resource])([parcel.payload for parcel in parcels])
            elif resource in WRITES_BY_NUMBER:
                result = getattr(client, WRITES_BY_NUMBER[resource])(list(by_key))
            else:
                return self._send_mandates(client, backend, by_key)
        except PaytError as error:
            if isinstance(error.partial, BulkResult):
                self._settle(backend, resource, by_key, error.partial)
            raise
        self._settle(backend, resource, by_key, result)
        if result.remarks:
            backend.remark = " ".join(result.remarks)[:500]

    def _send_mandates(self, client, backend, by_key):
        """Make mandates one by one, after looking which ones PAYT has: making one twice is no upsert."""
        numbers = {parcel.payload.get("debtor_code") for parcel in by_key.values()} - {None, "", False}
        known = {
            mandate.get("mandate_reference"): mandate
            for mandate in client.read_by("psp_mandates", "debtor_numbers", sorted(numbers))
            if not mandate.get("deactivated_at")
        }
        for key, parcel in by_key.items():
            if mandate := known.get(key):
                self._take(backend, "psp_mandate", parcel, mandate)
                continue
            try:
                answer = client.create_psp_mandate(parcel.payload)
            except PaytRejected as error:
                self._refuse(backend, "psp_mandate", parcel, [str(error)])
            else:
                self._take(backend, "psp_mandate", parcel, answer)

    def _settle(self, backend, resource, by_key, result):
        for key in result.taken:
            self._take(backend, resource, by_key[key], {"warnings": result.warnings.get(key, [])})
        for key, reasons in result.refused.items():
            if resource == "psp_mandate_revocation" and set(reasons) == {"not_found"}:
                # revoked before, which a repeated request finds as well
                self._take(backend, resource, by_key[key], {"not_found": True})
            else:
                self._refuse(backend, resource, by_key[key], reasons)
        for key in result.unconfirmed:
            by_key[key].rows._postpone(self.env._("PAYT didn't confirm this record."))

    # === OUTCOME

    def _take(self, backend, resource, parcel, answer):
        """PAYT has the record as it is now."""
        parcel.rows._mark_sent(parcel.checksum, " ".join(answer.get("warnings") or []) or False)
        self._tell_record(parcel, f"_payt_taken_{resource}", backend, answer)

    def _refuse(self, backend, resource, parcel, reasons):
        """PAYT doesn't take it, or we can't make it: somebody has to change something."""
        parcel.rows._mark_refused(" ".join(reasons))
        if parcel.record:
            self._tell_record(parcel, f"_payt_refused_{resource}", backend, reasons)

    def _tell_record(self, parcel, method, *arguments):
        try:
            with self.env.cr.savepoint():
                getattr(parcel.record, method)(*arguments)
        except OperationalError:
            raise
        except Exception as error:  # one record's trouble is not the others'
            _logger.exception("What PAYT did with outbox row %s can't be written down", parcel.rows.ids)
            parcel.rows._mark_failed(self.env._("Unexpected error: %s", type(error).__name__))

    def _note_requests(self, resource, parcels, client):
        """What was asked, without anything of its content."""
        rows = self.concat(*(parcel.rows for parcel in parcels))
        rows.request_facts = self.env._(
            "%(records)s records in %(requests)s requests", records=len(parcels), requests=client.requests_sent
        )
