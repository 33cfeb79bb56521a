from itertools import islice

from odoo import api, fields, models

from ...const import MAX_PER_PAGE
from ...payt_api.operations import LISTINGS


class PaytBackend(models.Model):
    """Reading from PAYT: all that changed, or single records that a webhook speaks of."""

    _inherit = "payt.backend"

    mark_ids = fields.One2many("payt.sync.mark", "backend_id", string="Reading")
    mirror_attention_count = fields.Integer(string="Not followed", compute="_compute_mirror_attention_count")

    def _compute_mirror_attention_count(self):
        groups = self.env["payt.mirror"]._read_group(
            [("backend_id", "in", self.ids), ("state", "=", "error")], ["backend_id"], ["__count"]
        )
        counts = {backend.id: count for backend, count in groups}
        for backend in self:
            backend.mirror_attention_count = counts.get(backend.id, 0)

    # === ACTIONS

    def action_pull(self):
        """Read all that changed at PAYT since it was read last."""
        self.check_access("read")
        self._check_may_pause()
        marks = self.env["payt.sync.mark"].sudo()
        for backend in self.sudo().filtered(lambda backend: not backend.paused):
            marks._get_marks(backend)._enqueue()

    # === BUSINESS

    def _pull_records(self, resource, payt_ids):
        """Read single records of PAYT and keep what it says.

        :param resource: name in ``const.READ_RESOURCES``
        :param payt_ids: PAYT's ids
        :return: the ids that PAYT doesn't have (any more)
        """
        self.ensure_one()
        wanted = {str(payt_id) for payt_id in payt_ids}
        mirror = self.env["payt.mirror"].sudo()
        names = self.env["payt.sync.mark"]._get_fields_read(resource)
        assert "ids" in LISTINGS[resource].lists
        with self._get_client() as client:
            records = list(client.read_by(resource, "ids", sorted(wanted), fields=names))
        if mirror._store(self, resource, records):
            mirror._enqueue_apply(self)
        return wanted - {str(record["id"]) for record in records}

    def _pull_by(self, resource, name, values, **filters):
        """Read the records of a list that belong to others, and keep what PAYT says.

        :param resource: name in ``const.READ_RESOURCES``
        :param name: the list's filter (``payt_api.operations.LISTINGS``)
        :param values: what to look for; nothing is read for none
        :param filters: further ones, the same for all
        """
        self.ensure_one()
        if not values:
            return
        mirror = self.env["payt.mirror"].sudo()
        names = self.env["payt.sync.mark"]._get_fields_read(resource)
        with self._get_client() as client:
            records = client.read_by(resource, name, sorted(values), fields=names, **filters)
            is_new = False
            while page := list(islice(records, MAX_PER_PAGE)):
                is_new |= bool(mirror._store(self, resource, page))
        if is_new:
            mirror._enqueue_apply(self)

    # === CRON

    @api.model
    def _cron_pull(self):
        """Read what changed: webhooks may have been missed."""
        self.search([("paused", "=", False)]).action_pull()
