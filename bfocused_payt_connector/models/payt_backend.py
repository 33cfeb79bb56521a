from odoo import fields, models


class PaytBackend(models.Model):
    """Stands in until branch ``paytcore`` is merged, whose file replaces this one."""

    _name = "payt.backend"
    _description = "PAYT administration"

    name = fields.Char(required=True)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one("res.company", required=True, default=lambda self: self.env.company)
    administration_id = fields.Char()
    psp_provider = fields.Selection([("none", "None"), ("mollie", "Mollie"), ("twikey", "Twikey")], default="none")
    mailing = fields.Selection([("payt", "PAYT"), ("odoo", "Odoo")], default="payt", required=True)
    default_sending_method = fields.Selection([("payt", "PAYT"), ("email", "E-mail")], default="payt", required=True)
    paused = fields.Boolean()
