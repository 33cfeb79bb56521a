from odoo import models


class PaytRecordMixin(models.AbstractModel):
    """What all records that go to PAYT have in common.

    Per resource a model has ``_prepare_payt_<resource>(backend)`` (the payload, or ``None`` when there is nothing to
    send any more; ``PaytPayloadInvalid`` says what can't be told to PAYT), ``_get_payt_key_<resource>()``,
    ``_payt_taken_<resource>(backend, answer)`` and ``_payt_refused_<resource>(backend, reasons)``.
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
