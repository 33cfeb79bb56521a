from datetime import timedelta

from odoo import api, fields, models

from .payt_health_check import LIGHTS

# each list is read each hour
LATE, TOO_LATE = timedelta(hours=3), timedelta(days=1)


class PaytSyncMark(models.Model):
    """Whether a list is read in time."""

    _inherit = "payt.sync.mark"

    light = fields.Selection(LIGHTS, string="Status", compute="_compute_light")

    @api.depends("read_at", "cursor", "error")
    def _compute_light(self):
        now = fields.Datetime.now()
        for mark in self:
            # a long first load is well as long as it goes on
            last = max(filter(None, (mark.read_at, mark.write_date if mark.cursor else None, mark.create_date)))
            age = now - last
            mark.light = "danger" if age > TOO_LATE else "warning" if age > LATE or mark.error else "ok"

    def _get_label(self):
        self.ensure_one()
        label = dict(self._fields["resource"]._description_selection(self.env))[self.resource]
        return self.env._("%s (deleted)", label) if self.is_deleted else label
