from odoo import models


class BillingChargeHooks(models.AbstractModel):
    """What the ledger asks of rooms above.

    Each is empty here and defined once, by the room its docstring names.
    """

    _name = "bfocused.billing.charge.hooks"
    _description = "Billing: what sources know of a charge"

    def _waits_in_ledger(self):
        """Whether this charge, which is on no invoice, is itself what is to be billed; its source knows.

        Defined in source.
        """
        return False

    def _renumber_in_chain(self):
        """Number these, which count again, anew among the charges of their chain of lines; its source knows how.

        Defined in source.
        """
        return
