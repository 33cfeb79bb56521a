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
