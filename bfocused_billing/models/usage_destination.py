from odoo import api, fields, models


class UsageDestination(models.Model):
    """A class of destinations that is one line on the invoice: national, mobile, abroad."""

    _name = "bfocused.usage.destination"
    _description = "Destination Class"
    _order = "sequence, name, id"

    name = fields.Char(required=True, translate=True)
    code = fields.Char(
        required=True,
        compute="_compute_code",
        store=True,
        readonly=False,
        precompute=True,
        help="The name of this class in suppliers' files, in small letters.",
    )
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)

    _code_unique = models.UniqueIndex("(code)", "There is a destination class with this code already.")

    @api.depends("name")
    def _compute_code(self):
        for destination in self:
            destination.code = (destination.code or destination.name or "").strip().lower()

    @api.model_create_multi
    def create(self, vals_list):
        return super().create([self._with_plain_code(vals) for vals in vals_list])

    def write(self, vals):
        return super().write(self._with_plain_code(vals))

    @staticmethod
    def _with_plain_code(vals):
        return {**vals, "code": vals["code"].strip().lower()} if vals.get("code") else vals
