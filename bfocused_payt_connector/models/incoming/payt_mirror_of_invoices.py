from odoo import api, models


class PaytMirror(models.Model):
    """What PAYT said of an invoice: the invoice itself and what names it."""

    _inherit = "payt.mirror"

    @api.model
    def _find_of_invoices(self, backends, payt_ids, resources=("invoices", "payments")):
        """The rows of these invoices and of their payments.

        :param payt_ids: PAYT's ids of the invoices
        :param resources: which of both
        """
        if not payt_ids or not backends:
            return self.browse()
        self.flush_model()
        rows = self.browse()
        for resource, name in (("invoices", "payt_id"), ("payments", "payload->>'invoice_id'")):
            if resource in resources:
                self.env.cr.execute(
                    f"""SELECT id FROM payt_mirror
                         WHERE backend_id = ANY(%s) AND resource = '{resource}' AND {name} = ANY(%s) ORDER BY id""",
                    [backends.ids, list(payt_ids)],
                )
                rows += self.browse([row_id for [row_id] in self.env.cr.fetchall()])
        return rows
