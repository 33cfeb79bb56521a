from odoo import fields, models


class ResCompany(models.Model):
    _inherit = "res.company"

    arrangement_grace_days = fields.Integer(
        string="Days of grace",
        default=5,
        help="A payment arrangement is broken when a term isn't paid this number of days after its due date.",
    )
    arrangement_max_terms = fields.Integer(
        string="Most terms",
        default=6,
        help="Of a payment arrangement that a customer asks for on the portal. 0: customers can't ask there.",
    )

    _arrangement_days = models.Constraint(
        "CHECK (arrangement_grace_days >= 0 AND arrangement_max_terms >= 0)",
        "Days of grace and numbers of terms are not below zero.",
    )
