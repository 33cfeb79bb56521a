import uuid

from odoo import api, fields, models


class PaytOutboxAttempt(models.Model):
    """That a batch was begun, and that its outcome was written down.

    The beginning is committed at once, the end with the outcome. A beginning without an end is a worker that was lost:
    PAYT may have got something that no row tells of. Rows are only added and, once both are there, removed, so that the
    two transactions never wait for each other.
    """

    _name = "payt.outbox.attempt"
    _description = "PAYT Outbox Attempt"

    backend_id = fields.Many2one("payt.backend", required=True, index=True, ondelete="cascade")
    key = fields.Char(required=True)
    is_settled = fields.Boolean(required=True, default=False)

    @api.model
    def _is_in_doubt(self, backend):
        """Whether an earlier batch has no outcome."""
        rows = self.sudo().search([("backend_id", "=", backend.id)])
        settled = rows.filtered("is_settled")
        return bool(set((rows - settled).mapped("key")) - set(settled.mapped("key")))

    @api.model
    def _begin(self, backend):
        """Say, whatever happens, that a batch is on its way.

        :return: what stands for the batch
        """
        key = str(uuid.uuid4())
        with self.env.registry.cursor() as cr:
            self.with_env(self.env(cr=cr, su=True)).create({"backend_id": backend.id, "key": key})
        return key

    @api.model
    def _settle(self, backend, key, still_in_doubt):
        """Say that the outcome of a batch is known, and with the last of what was in doubt also of what was lost.

        The beginning of this batch can't be seen here, as this transaction is older: both are removed by a later one.
        """
        if not still_in_doubt:
            self.sudo().search([("backend_id", "=", backend.id)]).unlink()
        self.sudo().create({"backend_id": backend.id, "key": key, "is_settled": True})
