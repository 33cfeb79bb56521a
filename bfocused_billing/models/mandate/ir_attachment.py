from odoo import api, models
from odoo.exceptions import UserError

CONTENT_FIELDS = frozenset(
    {"checksum", "datas", "db_datas", "raw", "res_field", "res_id", "res_model", "store_fname", "type", "url"}
)


class IrAttachment(models.Model):
    """The documents behind signed mandates are not replaced, by whatever way they are reached."""

    _inherit = "ir.attachment"

    def write(self, vals):
        # EXTENDS 'base'
        if CONTENT_FIELDS & vals.keys():
            self._check_no_proof()
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_proof(self):
        self._check_no_proof()

    def _check_no_proof(self):
        """
        :raise UserError: when one of these is the document or the signature of a signed mandate
        """
        proofs = self.sudo().filtered(
            lambda attachment: attachment.res_model == "bfocused.mandate.request" and attachment.res_field
        )
        requests = self.env["bfocused.mandate.request"].sudo().browse(proofs.mapped("res_id")).exists()
        if requests.filtered("signed_at"):
            raise UserError(self.env._("The document of a signed mandate is kept as proof and can't be changed."))
