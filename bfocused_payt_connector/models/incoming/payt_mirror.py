import json
from datetime import UTC, datetime
from hashlib import sha256

from psycopg2.extras import execute_values

from odoo import api, fields, models

from ...const import READ_RANKS

COLUMNS = (
    *("backend_id", "company_id", "resource", "rank", "payt_id", "payload", "checksum", "payt_updated_at"),
    *("deleted_at", "state", "tries", "read_at"),
)


class PaytMirror(models.Model):
    """What PAYT last said of a record of its own: one row per record, and whether Odoo followed.

    Reading only fills this table, so that what can't be booked today stops no mark and is never lost. Storing the same
    again changes nothing, in whatever order webhooks and pages come. What a row does in Odoo is in the files
    ``payt_mirror_<subject>.py``.
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
        moment = self._read_moment(record.get("deleted_at" if is_deleted else "updated_at"))
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

    @api.model
    def _read_moment(self, text):
        """PAYT's moment as Odoo's: UTC without time zone, to the second; ``None`` where there is none."""
        if not text:
            return None
        moment = datetime.fromisoformat(text)
        return (moment.astimezone(UTC) if moment.tzinfo else moment).replace(tzinfo=None, microsecond=0)

    # === BUSINESS: LOOKING UP

    def _get_followed(self, model, resource, payt_ids):
        """The Odoo records that followed records of PAYT.

        :param model: name of their model
        :param resource: name in ``const.READ_RESOURCES``
        :return: dict of PAYT id to record
        """
        rows = self.search(
            [
                ("backend_id", "in", self.backend_id.ids),
                ("resource", "=", resource),
                ("payt_id", "in", [str(payt_id) for payt_id in payt_ids if payt_id]),
                ("model", "=", model),
                ("res_id", "!=", False),
            ]
        )
        existing = self.env[model].browse(rows.mapped("res_id")).exists()
        return {row.payt_id: existing.browse(row.res_id) for row in rows if row.res_id in existing._ids}
