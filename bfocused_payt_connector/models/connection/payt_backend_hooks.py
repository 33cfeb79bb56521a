from odoo import models


class PaytBackendHooks(models.AbstractModel):
    """What rooms above have to do when something happens to a connection.

    Each is empty here and defined once, by the room its docstring names.
    """

    _name = "payt.backend.hooks"
    _description = "PAYT: what rooms above do for a connection"

    def _wake_outbox(self):
        """Have what is waiting sent. Defined in outbox."""

    def _drop_waiting(self, reason):
        """Don't send what is waiting. Defined in outbox.

        :param reason: for the rows of the outbox
        """

    def _retry_payments(self, vals):
        """Book payments that waited for settings. Defined in clearing.

        :param vals: the settings that were written
        """

    def _forget_clearing(self):
        """Another administration: forget what the old one calls our payments. Defined in clearing."""

    def _forget_dunning(self):
        """Another administration: forget what the old one did about invoices. Defined in dunning."""

    def _forget_incoming(self):
        """Another administration: forget what was read from the old one. Defined in incoming."""

    def _forget_outgoing(self):
        """Another administration: take what the old one was told for untold. Defined in outgoing."""

    def _read_payments_of(self, numbers, unread=()):
        """Read what PAYT has paid on invoices, to be followed as any other. Defined in incoming.

        :param numbers: of the invoices
        :param unread: those of them that weren't read themselves yet
        """
