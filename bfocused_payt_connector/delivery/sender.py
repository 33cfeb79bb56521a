import hashlib
import json
import logging
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from odoo.exceptions import UserError

from odoo.addons.bfocused_billing.transactions import isolated

from ..payt_api import (
    PaytError,
    PaytFile,
    PaytForbidden,
    PaytPayloadInvalid,
    PaytRejected,
    PaytUnknownOutcome,
)
from ..payt_api.guard import get_emptiable
from .resources import RESOURCES

_logger = logging.getLogger(__name__)

FILES_IN_MEMORY = 50


@dataclass
class Parcel:
    """A record on its way: what is sent of it, and the row that asked for it."""

    rows: Any
    record: Any
    key: str = ""
    payload: dict = field(default_factory=dict)
    checksum: str = ""


class OutboxSender:
    """Sends a batch of the outbox, rows of one resource, and writes down what became of each.

    :param backend: ``payt.backend`` record
    :param rows: ``payt.outbox`` records, which are locked
    """

    def __init__(self, backend, rows):
        self.env = rows.env
        self.backend = backend
        self.rows = rows
        self.resource = RESOURCES[rows[0].resource]

    def send(self, in_doubt=False):
        """Send what the rows are about.

        :param in_doubt: an earlier sender was lost, so what PAYT took last isn't known
        :return: whether going on makes sense
        """
        parcels = self._prepare_parcels()
        self._add_emptied(parcels, in_doubt)
        to_send = parcels if in_doubt else self._skip_unchanged(parcels)
        if not to_send:
            return True
        try:
            with self.backend._get_client() as client:
                to_send = self._upload_files(client, to_send)
                try:
                    self._write(client, to_send)
                finally:
                    self._note_requests(to_send, client)
        except PaytForbidden as error:
            # the token may have had the connection stopped already
            self.backend._stop(str(error))
            self._get_waiting(to_send).error = str(error)
            return False
        except PaytError as error:
            self._settle_rest(self._get_waiting(to_send), error)
        return True

    def _write(self, client, parcels):
        self.resource.write.send(self, client, parcels)

    def _get_waiting(self, parcels):
        return self._get_rows(parcels).filtered(lambda row: row.state == "pending")

    def _get_rows(self, parcels):
        return self.rows.browse().concat(*(parcel.rows for parcel in parcels))

    def _settle_rest(self, rows, error):
        """Rows of which nothing is known because of an error that is about all of them."""
        message = str(error)
        if error.retryable or isinstance(error, PaytUnknownOutcome):
            rows._postpone(message, at_least=getattr(error, "retry_after", None) or 0)
        elif isinstance(error, PaytRejected):
            for row in rows:
                self.refuse(Parcel(row, row._get_record()), [message])
        else:
            rows._mark_failed(message)

    # === PARCELS

    def _prepare_parcels(self):
        """Make the payloads; what can't be made stays behind with its reason."""
        parcels = {}
        for model, same_model in self.rows.grouped("model").items():
            ids = list(dict.fromkeys(same_model.mapped("res_id")))
            existing = self.env[model].browse(ids).exists() if model in self.env else []
            by_record = same_model.grouped("res_id")
            for record in existing:
                parcel = Parcel(by_record.pop(record.id), record)
                if self._prepare_parcel(parcel):
                    self._keep_one_per_key(parcels, parcel)
            for gone in by_record.values():
                gone._mark_superfluous(self.env._("The record was deleted."))
        return list(parcels.values())

    def _prepare_parcel(self, parcel):
        payload = None
        with isolated(self.env.cr, flush=False) as outcome:
            payload = getattr(parcel.record, self.resource.payload)(self.backend)
            parcel.key = getattr(parcel.record, self.resource.key)()
        if isinstance(outcome.error, UserError | PaytPayloadInvalid):
            self.refuse(parcel, getattr(outcome.error, "problems", None) or [str(outcome.error)])
            return False
        if outcome.error:
            self._note_unexpected_error(parcel, outcome.error, "can't be prepared")
            return False
        if payload is None:
            parcel.rows._mark_superfluous(self.env._("There is nothing to send any more."))
            return False
        if not parcel.key:
            self.refuse(parcel, [self.env._("It has no number to know it by at PAYT.")])
            return False
        parcel.payload = payload
        return True

    def _keep_one_per_key(self, parcels, parcel):
        if other := parcels.get(parcel.key):
            message = self.env._(
                "%(other)s has the same number: %(key)s.", other=other.record.display_name, key=parcel.key
            )
            parcel.rows._mark_refused(message)
        else:
            parcels[parcel.key] = parcel

    def _add_emptied(self, parcels, in_doubt):
        """Say of each field that is empty now, and that PAYT was told before, that it is empty.

        Leaving it out may mean as much, or that it stays as it was: PAYT's description doesn't say.

        :param in_doubt: what PAYT was told isn't known
        """
        emptiable = get_emptiable(self.resource.write.operation.payload) if self.resource.write.is_update else {}
        told = self._get_told(parcels) if emptiable else {}
        for parcel in parcels:
            if emptiable:
                known = told.get((parcel.record._name, parcel.record.id), set())
                before = set(emptiable) if in_doubt or None in known else known
                empty = {name: value for name, value in emptiable.items() if name in before - parcel.payload.keys()}
                if self.resource.instead and known - parcel.payload.keys():
                    values = getattr(parcel.record, self.resource.instead)()
                    empty |= {name: values[name] for name in values if name in known - parcel.payload.keys()}
                parcel.rows.told_fields = sorted((known - {None}) | parcel.payload.keys() | empty.keys())
                parcel.payload = {**parcel.payload, **empty}
            parcel.checksum = self.get_checksum(parcel.payload)

    def _get_told(self, parcels):
        """What PAYT was ever told of these records, or may have been: names of fields, by model and id.

        ``None`` among them: something that was sent before this was kept.
        """
        told = {}
        for model, ids in self._get_ids_by_model(parcels).items():
            self.env["payt.outbox"].flush_model()
            self.env.cr.execute(
                """
                SELECT DISTINCT res_id, name
                  FROM payt_outbox LEFT JOIN LATERAL jsonb_array_elements_text(told_fields) AS name ON true
                 WHERE backend_id = %s AND model = %s AND resource = %s AND res_id IN %s
                   AND (told_fields IS NOT NULL OR state = 'sent' OR tries > 0)""",
                [self.backend.id, model, self.resource.name, tuple(ids)],
            )
            for res_id, name in self.env.cr.fetchall():
                told.setdefault((model, res_id), set()).add(name)
        return told

    def get_checksum(self, payload):
        """Of what is sent and where to: another administration has nothing of it."""
        where = [self.backend.base_url, self.backend.administration_id]
        return hashlib.sha256(json.dumps([where, payload], sort_keys=True, default=str).encode()).hexdigest()

    def _skip_unchanged(self, parcels):
        """Leave out what PAYT took last in the same form.

        Not what was tried since: PAYT may have got another form of it, and its answer may have been lost.

        :return: the parcels that have to go
        """
        if self.resource.is_always_sent:
            return parcels
        taken = self._get_last_taken(parcels)
        to_send = []
        for parcel in parcels:
            if self.is_certain(parcel) and taken.get((parcel.record._name, parcel.record.id)) == parcel.checksum:
                self.take(parcel, {"unchanged": True})
            else:
                to_send.append(parcel)
        return to_send

    def is_certain(self, parcel):
        """Whether PAYT has what it took last: nothing was tried since, and nobody wants it to be sent again."""
        return not any(parcel.rows.mapped("tries")) and not any(parcel.rows.mapped("is_forced"))

    def _get_last_taken(self, parcels):
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
                [self.backend.id, model, self.resource.name, tuple(ids)],
            )
            taken |= {(model, res_id): checksum for res_id, checksum in self.env.cr.fetchall()}
        return taken

    def _get_ids_by_model(self, parcels):
        ids = {}
        for parcel in parcels:
            ids.setdefault(parcel.record._name, []).append(parcel.record.id)
        return ids

    # === FILES

    def _upload_files(self, client, parcels):
        """Bring the documents first: an invoice refers to them by checksum.

        :return: the parcels whose files are all there
        """
        if not self.resource.files:
            return parcels
        files = self._collect_files(parcels)
        report = client.upload_files([file for some in files.values() for file in some])
        ready = []
        for parcel in parcels:
            errors = [report.failed[file.checksum] for file in files[parcel.key] if file.checksum in report.failed]
            if not errors:
                ready.append(parcel)
            elif errors[0].retryable:
                self.postpone(parcel, str(errors[0]))
            else:
                self.refuse(parcel, [str(errors[0])])
        return ready

    def _collect_files(self, parcels):
        """The files of each parcel, by its key, without their bytes: those of a whole batch would fill the memory."""
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
        return files

    def _get_files(self, parcel):
        documents = getattr(parcel.record, self.resource.files)()
        return [PaytFile.of(content, mimetype) for _name, mimetype, content in documents]

    def _read_file(self, parcel, checksum):
        """The bytes, only when PAYT wants them."""
        content = next((file.content() for file in self._get_files(parcel) if file.checksum == checksum), b"")
        self.env["ir.attachment"].invalidate_model(["raw", "datas"])
        return content

    # === OUTCOME

    def take(self, parcel, answer):
        """PAYT has the record as it is now."""
        parcel.rows._mark_sent(parcel.checksum, " ".join(answer.get("warnings") or []) or False)
        self._tell_record(parcel, self.resource.taken, answer)

    def refuse(self, parcel, reasons):
        """PAYT doesn't take it, or we can't make it: somebody has to change something."""
        parcel.rows._mark_refused(" ".join(reasons))
        if parcel.record:
            self._tell_record(parcel, self.resource.refused, reasons)

    def postpone(self, parcel, message):
        """What became of it isn't known, or it couldn't be sent: it is tried again."""
        parcel.rows._postpone(message)

    def _tell_record(self, parcel, method, answer):
        with isolated(self.env.cr) as outcome:
            getattr(parcel.record, method)(self.backend, answer)
        if outcome.error:
            self._note_unexpected_error(parcel, outcome.error, "was sent, and PAYT's answer can't be written down")

    def _note_unexpected_error(self, parcel, error, what):
        """One record's trouble isn't the others'.

        :param what: what is wrong with its rows, for the log
        """
        _logger.error("Outbox rows %s: %s", parcel.rows.ids, what, exc_info=error)
        parcel.rows._mark_failed(self.env._("Unexpected error: %s", type(error).__name__))

    def _note_requests(self, parcels, client):
        """What was asked, without anything of its content."""
        self._get_rows(parcels).request_facts = self.env._(
            "%(records)s records in %(requests)s requests", records=len(parcels), requests=client.requests_sent
        )
