from odoo import models


class PaytRecordMixin(models.AbstractModel):
    """What all records that go to PAYT have in common.

    Which methods a model has for each kind of record it is to PAYT, ``delivery/resources.py`` says.
    """

    _name = "payt.record.mixin"
    _description = "Record that goes to PAYT"

    def _get_payt_backend(self):
        """The PAYT administration this record belongs to, in superuser mode; empty where PAYT isn't used."""
        self.ensure_one()
        return (self.company_id or self.env.company)._get_payt_backend()

    def _queue_payt(self, resource):
        """Put these records into the outbox, in this transaction.

        :return: those that belong to an administration
        """
        queued = self.browse()
        for records in self.grouped(lambda record: record.company_id or self.env.company).values():
            if records[:1]._get_payt_backend():
                queued += records
        if queued:
            self.env["payt.outbox"]._put(queued, resource)
        return queued

    # === MONEY: of invoices alone

    def _is_payt_money_told(self, payload):
        """Whether PAYT was told before of all that we have to say of the record's money. Defined in outgoing."""
        return False

    def _note_payt_money(self, payload):
        """Remember what PAYT was told of the record's money. Defined in outgoing.

        :param payload: what PAYT took; ``None``: it has nothing of it any more
        """

    def _may_payt_have_collected(self):
        """Whether PAYT may have payments on the record that Odoo doesn't know. Defined in outgoing."""
        return False

    def _has_payt_unfollowed_payments(self):
        """Whether PAYT has a payment of its own that nobody looked at yet. Defined in outgoing."""
        return False
