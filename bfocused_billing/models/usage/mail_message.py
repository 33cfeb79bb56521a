from odoo import models


class MailMessage(models.Model):
    """Who only has the link of an invoice gets the invoice: not the calls, nor what else was sent along with it."""

    _inherit = "mail.message"

    def _portal_message_format(self, properties_names, options=None):
        # EXTENDS 'portal': it gives the attachments of messages, with a token for each, to who has the link
        rows = super()._portal_message_format(properties_names, options=options)
        moves = self.env["account.move"].sudo(False)
        ids = {row["res_id"] for row in rows if row.get("model") == moves._name}
        billed = moves.browse(ids).sudo().filtered("company_id.use_billing")
        closed = [move.id for move in billed if not moves.browse(move.id).has_access("read")]
        for row in rows:
            if row.get("model") == moves._name and row["res_id"] in closed:
                row["attachment_ids"] = []
        return rows
