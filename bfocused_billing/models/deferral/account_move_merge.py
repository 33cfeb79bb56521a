from markupsafe import Markup

from odoo import api, models

from ..run.billing_group import GroupKey

FIRST_SEQUENCE = 101  # after the lines of billing runs, which have Odoo's 100: a section mustn't take those under it

# What a line says as somebody may have written it: moving it to another draft mustn't have Odoo fill it in again.
KEPT_FIELDS = (
    "account_id",
    "analytic_distribution",
    "display_type",
    "name",
    "price_unit",
    "product_uom_id",
    "quantity",
    "sequence",
    "tax_ids",
)


class AccountMove(models.Model):
    """Which waiting drafts belong on one invoice, and putting them on it."""

    _inherit = "account.move"

    # === TERMS

    def _get_group_key(self):
        """The terms on which this draft is invoiced today: its mandate may have been replaced since it was made.

        :return: GroupKey
        """
        self.ensure_one()
        mandate = self.env["account.banking.mandate"]
        if self.payment_mode_id.payment_method_id.mandate_required:
            own = self.sudo().line_ids.subscription_line_id.sale_subscription_id.mandate_id[:1]
            mandate = own or self._get_chosen_mandate() or self.partner_id._get_billing_mandate(self.company_id)
        return GroupKey(
            self.partner_id.id,
            self.currency_id.id,
            self.payment_mode_id.id,
            mandate.id,
            self.fiscal_position_id.id,
            self.journal_id.id,
        )

    def _get_chosen_mandate(self):
        """The mandate that somebody chose on this draft, other than what Odoo or the run proposes."""
        if self.billing_run_id or not self.mandate_id or self.mandate_id._get_mandate_problem():
            return self.env["account.banking.mandate"]
        partner = self.partner_id.with_company(self.company_id)
        return self.mandate_id - partner.valid_mandate_id - partner._get_billing_mandate(self.company_id)

    def _fits(self, key):
        """Whether this draft may go on an invoice of these terms.

        One made by hand without payment mode, or with the mandate that Odoo proposed, is collected as the others are.

        :param key: GroupKey with the journal filled in
        """
        own = self._get_group_key()
        if self.billing_run_id:
            return own == key
        if not own.payment_mode_id:
            own = own._replace(payment_mode_id=key.payment_mode_id)
        if not self._get_chosen_mandate():
            own = own._replace(mandate_id=key.mandate_id)
        return own == key

    def _get_shared_terms(self, waiting):
        """The terms on which this draft goes together with those that wait: theirs where it leaves them open."""
        keys = [move._get_group_key() for move in waiting.sorted(lambda move: not move.billing_run_id)]
        return next((key for key in keys if self._fits(key)), self._get_group_key())

    def _get_collection_problem(self):
        """Why this draft can't be collected, as a sentence in the user's language, or an empty text."""
        self.ensure_one()
        if not self.payment_mode_id.payment_method_id.mandate_required:
            return ""
        mandate = self.env["account.banking.mandate"].browse(self._get_group_key().mandate_id)
        return self.partner_id._get_mandate_problem(self.company_id, mandate) or ""

    # === MERGE

    def _merge_waiting(self):
        """Put all lines of these drafts on the first of them; the others are cancelled, and say where their lines are.

        Unlike the merge of ``account_invoice_merge``, the lines themselves go, with all that hangs on them: charges,
        orders, periods, sections and notes (T18).

        :return: the first draft
        """
        target, others = self[:1], self[1:]
        self._number_lines()
        if others:
            target.write(self._prepare_merged_move())
            self._move_lines(target)
            self._merge_documents(target)
            others.sudo().activity_ids.unlink()
            others.write({"deferral_state": "none", "deferred_until": False})
            others.button_cancel()
            self._tell_merged(target)
        return target

    def _move_lines(self, target):
        lines = (self - target).invoice_line_ids
        container = {"records": self, "self": self}
        # of all drafts at once, or Odoo leaves the tax and receivable lines on those that are emptied
        kept = [lines._fields[name] for name in KEPT_FIELDS]
        with self._check_balanced(container), self._sync_dynamic_lines(container), self.env.protecting(kept, lines):
            lines.move_id = target

    def _number_lines(self):
        """Keep the lines of each draft together, in their order: those of runs first, as those have no sections."""
        by_hand = self.filtered(lambda move: not move.billing_run_id)
        lines = [
            line for move in by_hand for line in move.invoice_line_ids.sorted(lambda line: (line.sequence, line.id))
        ]
        for number, line in enumerate(lines, start=FIRST_SEQUENCE):
            if line.sequence != number:
                line.sequence = number

    def _prepare_merged_move(self):
        """Values of the first draft, with what the others have on them."""
        target, others = self[:1], self[1:]
        values = {
            "invoice_origin": ", ".join(dict.fromkeys(filter(None, self.mapped("invoice_origin")))),
            "ref": ", ".join(dict.fromkeys(filter(None, self.mapped("ref")))),
        }
        texts = dict.fromkeys(move.narration for move in self if move.narration)
        if len(texts) > 1:  # Odoo fills in the company's terms, which are the same on each
            values["narration"] = Markup("<br/>").join(texts)
        if not target.invoice_user_id:
            values["invoice_user_id"] = others.invoice_user_id[:1].id
        return values

    def _merge_documents(self, target):
        """Let what refers to one of these drafts refer to the one they are on now."""
        others = self - target
        attachments = self.env["ir.attachment"].sudo()
        attachments.search([("res_model", "=", self._name), ("res_id", "in", others.ids)]).res_id = target.id
        hours = self.env["account.analytic.line"].sudo()
        hours.search([("timesheet_invoice_id", "in", others.ids)]).timesheet_invoice_id = target
        target.sudo().transaction_ids |= others.sudo().transaction_ids

    def _tell_merged(self, target):
        others = self - target
        links = Markup(", ").join(move._get_html_link() for move in others)
        target.message_post(body=self.env._("The lines of %s were put on this invoice.", links))
        for move in others:
            move.message_post(body=self.env._("The lines were put on %s.", target._get_html_link()))

    # === MERGING BY HAND (account_invoice_merge)

    @api.model
    def make_key(self, br, fields):
        # EXTENDS 'account_invoice_merge': without billing as ever; what waits is one customer's, whoever's it is
        if br._name == self._name and not br.company_id.use_billing:
            fields = [name for name in fields if name not in self._get_merged_billing_fields()]
        if br._name == self._name and br._is_waiting():
            fields = [name for name in fields if name not in ("user_id", "invoice_user_id")]
        return super().make_key(br, fields)

    @api.model
    def _get_invoice_line_key_cols(self):
        # EXTENDS 'account_invoice_merge': it drops fields it doesn't know (T18)
        return [*super()._get_invoice_line_key_cols(), "supply_date", "is_downpayment"]
