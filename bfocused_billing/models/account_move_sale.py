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
