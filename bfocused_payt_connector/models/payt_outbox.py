from odoo import api, fields, models


class PaytOutbox(models.Model):
    """Stands in until branch ``paytcore`` is merged, whose file replaces this one."""

    _name = "payt.outbox"
    _description = "PAYT outbox"

    backend_id = fields.Many2one("payt.backend", required=True, ondelete="cascade")
    company_id = fields.Many2one(related="backend_id.company_id", store=True)
    model = fields.Char(required=True)
    res_id = fields.Many2oneReference(model_field="model", required=True)
    resource = fields.Char(required=True)
    state = fields.Selection([("pending", "Pending"), ("sent", "Sent")], default="pending")

    @api.model
    def _put(self, records, resource):
        for record in records:
            backend = record._get_payt_backend()
            if not backend:
                continue
            values = {
                "backend_id": backend.id,
                "model": record._name,
                "res_id": record.id,
                "resource": resource,
                "state": "pending",
            }
            if not self.sudo().search_count([(name, "=", value) for name, value in values.items()], limit=1):
                self.sudo().create(values)
