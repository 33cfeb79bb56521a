from odoo import models


class PaytInvoiceHooks(models.AbstractModel):
    """What rooms above have to do when an invoice changes.

    Each is empty here and defined once, by the room its docstring names.
    """

    _name = "payt.invoice.hooks"
    _description = "PAYT: what rooms above do for an invoice"

    def _queue_payt_block(self):
        """Have PAYT stop following up those that it has. Defined in dunning."""

    def _queue_payt_resume(self):
        """Have PAYT go on with those that nothing stops any more. Defined in dunning."""
