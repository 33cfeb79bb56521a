from odoo import api, models

from ...drafting.bulk import BulkDrafter, PostingBatch


class AccountMove(models.Model):
    """Invoices that a billing run drafts and posts together."""

    _inherit = "account.move"

    # === CRUD

    def write(self, vals):
        # EXTENDS 'account': the state alone changes no journal item, so nothing has to be looked through for changes
        if self.env.context.get("billing_posting_batch") and vals.keys() <= {"state", "posted_before"}:
            quick = self.with_context(skip_invoice_sync=True, skip_invoice_line_sync=True)
            return super(AccountMove, quick).write(vals)
        return super().write(vals)

    # === BUSINESS

    @api.model
    def _create_in_bulk(self, vals_list):
        """The draft invoices that ``create(vals_list)`` would make, in less than half the time.

        :param vals_list: values as for ``create``, the invoice lines as ``Command.create``
        :return: the moves, in the order of ``vals_list``
        """
        return BulkDrafter(self).draft(vals_list)

    def _post_in_bulk(self):
        """The same as ``_post(soft=False)``, looking up once what the moves of a batch have in common.

        The numbers are as safe as Odoo's: the first of a sequence takes its lock, which is held until the transaction
        ends; the others count on from there in both ways.
        """
        batch = PostingBatch()
        posted = self.with_context(billing_posting_batch=batch)._post(soft=False)
        self.env["res.partner"]._increase_ranks(batch.ranks)
        return posted.with_env(self.env)

    def _get_next_sequence_format(self):
        # EXTENDS 'account': within a batch, moves of one sequence have one format; the number in it counts only once
        batch = self.env.context.get("billing_posting_batch")
        key = batch and self._get_sequence_key()
        if not key:
            return super()._get_next_sequence_format()
        if key not in batch.formats:
            batch.formats[key] = super()._get_next_sequence_format()
        format_string, format_values = batch.formats[key]
        return format_string, dict(format_values)

    def _get_sequence_key(self):
        """What moves numbered in one sequence have in common, or ``None`` for those that must be asked each."""
        self.ensure_one()
        if self.move_type not in ("out_invoice", "out_refund") or self.journal_id.is_self_billing:
            return None
        return tuple(self[name] for name in self._get_sequence_key_fields())

    @api.model
    def _get_sequence_key_fields(self):
        """The fields by which Odoo and its localizations tell sequences apart."""
        localized = ("debit_origin_id", "l10n_latam_document_type_id")
        return ["company_id", "journal_id", "move_type", "date", *(name for name in localized if name in self._fields)]
