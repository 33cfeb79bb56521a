from odoo import api, fields, models
from odoo.exceptions import UserError

from ...usage import normalize_class


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
            destination.code = normalize_class(destination.code or destination.name)

    @api.model_create_multi
    def create(self, vals_list):
        return super().create([self._with_plain_code(vals) for vals in vals_list])

    def write(self, vals):
        return super().write(self._with_plain_code(vals))

    @staticmethod
    def _with_plain_code(vals):
        return {**vals, "code": normalize_class(vals["code"])} if vals.get("code") else vals

    @api.ondelete(at_uninstall=False)
    def _unlink_except_other(self):
        other = self.env.ref("bfocused_billing.usage_destination_other", raise_if_not_found=False)
        if other in self:
            raise UserError(
                self.env._("%s is the class of calls that have no other, so it can't be deleted.", other.name)
            )
