from odoo import api, models


class AccountMove(models.Model):
    _inherit = "account.move"

    @api.model
    def merge_callback(self, invoices_info, old_invoices):
        # EXTENDS 'account_invoice_merge': what orders charged goes along, and so do the timesheets
        for merged_id, old_ids in invoices_info.items():
            merged, old = self.browse(merged_id), self.browse(old_ids)
            lines = {
                (sale_line, line.start_date): line
                for line in merged.invoice_line_ids
                for sale_line in line.sudo().sale_line_ids
            }
            for charge in old.invoice_line_ids.sudo().charge_ids.filtered(lambda charge: charge.kind == "sale"):
                charge.move_line_id = lines[charge.sale_line_id, charge.move_line_id.start_date]
            old.sudo().timesheet_ids.timesheet_invoice_id = merged
        return super().merge_callback(invoices_info, old_invoices)

    def _get_group_key(self):
        # EXTENDS 'bfocused_billing': a draft of orders has their mandate, and is kept apart where the customer wants it
        key = super()._get_group_key()
        lines = self.invoice_line_ids.filtered(lambda line: line.display_type == "product")
        orders = lines.sudo().sale_line_ids.order_id
        if not orders or lines.subscription_line_id:
            return key
        if key.mandate_id and not self._get_chosen_mandate():
            key = key._replace(mandate_id=orders[:1]._get_billing_mandate().id)
        if all(line.sudo().sale_line_ids for line in lines):
            key = key._replace(purpose=self.partner_id._get_order_purpose(self.company_id))
        return key
