from odoo import api, models

FIELDS = {"acc_number", "acc_holder_name", "partner_id", "active", "company_id", "sequence"}


class ResPartnerBank(models.Model):
    """PAYT knows the account of a customer."""

    _inherit = "res.partner.bank"

    @api.model_create_multi
    def create(self, vals_list):
        # EXTENDS 'base'
        accounts = super().create(vals_list)
        accounts.partner_id.commercial_partner_id._queue_payt_changes({"debtor"})
        return accounts

    def write(self, vals):
        # EXTENDS 'base'
        owners = self.partner_id
        result = super().write(vals)
        if FIELDS & vals.keys():
            (owners | self.partner_id).commercial_partner_id._queue_payt_changes({"debtor"})
        return result

    def unlink(self):
        # EXTENDS 'base'
        owners = self.partner_id.commercial_partner_id
        result = super().unlink()
        owners.exists()._queue_payt_changes({"debtor"})
        return result
