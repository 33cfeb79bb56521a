from odoo import models


class MergePartnerAutomatic(models.TransientModel):
    _inherit = "base.partner.merge.automatic.wizard"

    def _update_reference_fields_generic(
        self, referenced_model, src_records, dst_record, additional_update_records=None
    ):
        # EXTENDS 'base': a debtor of PAYT is the customer that it was merged into
        ours = [{"model": "payt.mirror", "field_model": "model"}]
        return super()._update_reference_fields_generic(
            referenced_model, src_records, dst_record, [*(additional_update_records or []), *ours]
        )
