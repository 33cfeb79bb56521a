from psycopg2 import OperationalError

from odoo import api, fields, models

REFUSALS = [
    ("signature", "Wrongly signed"),
    ("administration", "Of another administration"),
    ("address", "From another address than PAYT's"),
    ("content", "Not readable"),
]


class PaytWebhookTally(models.Model):
    """When a webhook of a connection was accepted or refused last.

    Strangers can cause writes here, so it is a table of its own: a write on the connection's row would make every job
    fail that writes there at the same time. At most one write per second, and nobody waits for another: what two say at
    the same moment is said once.
    """

    _name = "payt.webhook.tally"
    _description = "PAYT Webhook Tally"
    _rec_name = "backend_id"
    _log_access = False

    backend_id = fields.Many2one("payt.backend", string="Connection", required=True, readonly=True, ondelete="cascade")
    accepted_at = fields.Datetime(readonly=True)
    refused_at = fields.Datetime(readonly=True)
    refused_count = fields.Integer(readonly=True)
    refused_reason = fields.Selection(REFUSALS, readonly=True)

    _backend_once = models.UniqueIndex("(backend_id)", "A connection has one row.")

    @api.model
    def _note_accepted(self, backend):
        """PAYT told something."""
        return self._note(backend, "accepted_at", "accepted_at = %(now)s")

    @api.model
    def _note_refused(self, backend, reason):
        """Somebody told something that wasn't believed.

        :param reason: a key of ``REFUSALS``
        :return: whether it was counted
        """
        return self._note(
            backend,
            "refused_at",
            "refused_at = %(now)s, refused_reason = %(reason)s, refused_count = coalesce(refused_count, 0) + 1",
            reason=reason,
        )

    def _note(self, backend, column, changes, **values):
        """Write it down, once a second, unless another request is writing now."""
        cr, now = self.env.cr, fields.Datetime.now()
        values.update(backend=backend.id, now=now)
        cr.execute(f"SELECT {column} FROM payt_webhook_tally WHERE backend_id = %s", [backend.id])
        found = cr.fetchone()
        if found and found[0] and found[0] >= now:
            return False
        try:
            with cr.savepoint(flush=False):
                if not found:
                    insert = "INSERT INTO payt_webhook_tally (backend_id) VALUES (%(backend)s) ON CONFLICT DO NOTHING"
                    cr.execute(insert, values, log_exceptions=False)
                cr.execute(
                    f"""
                    UPDATE payt_webhook_tally SET {changes}
                     WHERE id IN (SELECT id FROM payt_webhook_tally WHERE backend_id = %(backend)s
                                     FOR NO KEY UPDATE SKIP LOCKED)""",
                    values,
                    log_exceptions=False,
                )
                is_noted = cr.rowcount == 1
        except OperationalError:
            return False  # another one wrote since this transaction began
        self.invalidate_model()
        return is_noted
