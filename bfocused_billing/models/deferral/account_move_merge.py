from markupsafe import Markup

from odoo import api, models

from ...drafting.terms import InvoiceTerms

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

    def _get_invoice_terms(self):
        """The terms on which this draft is invoiced today: its mandate may have been replaced since it was made.

        One of orders has their mandate, and is kept apart where the customer wants that (R3).

        :return: InvoiceTerms
        """
        self.ensure_one()
        lines = self.invoice_line_ids.filtered(lambda line: line.display_type == "product")
        orders = lines.sudo().sale_line_ids.order_id
        if lines.subscription_line_id:
            orders = orders.browse()  # the subscription's terms are those of the whole invoice
        is_orders_only = bool(orders) and all(line.sudo().sale_line_ids for line in lines)
        purpose = self.partner_id._get_order_purpose(self.company_id) if is_orders_only else ""
        return InvoiceTerms.of_draft(self, self._get_present_mandate(orders), purpose)

    def _get_present_mandate(self, orders):
        """The mandate with which this draft is collected today; empty where it isn't collected by one.

        :param orders: ``sale.order`` records that this draft bills, when it bills no subscription
        """
        mandates = self.env["account.banking.mandate"]
        if not self.payment_mode_id.payment_method_id.mandate_required:
            return mandates
        charged = self.sudo().line_ids.filtered(lambda line: not line.is_billing_credit)  # nothing is left of a credit
        own = charged.subscription_line_id.sale_subscription_id.mandate_id[:1]
        chosen = self._get_chosen_mandate()
        mandate = own or chosen or self.partner_id._get_billing_mandate(self.company_id)
        if mandate and orders and not chosen:
            return orders[:1]._get_billing_mandate()
        return mandate

    def _get_chosen_mandate(self):
        """The mandate that somebody chose on this draft, other than what Odoo or the run proposes."""
        if self.billing_run_id or not self.mandate_id or self.mandate_id._get_mandate_problem():
            return self.env["account.banking.mandate"]
        partner = self.partner_id.with_company(self.company_id)
        return self.mandate_id - partner.valid_mandate_id - partner._get_billing_mandate(self.company_id)

    def _fits(self, terms):
        """Whether this draft may go on an invoice of these terms.

        One made by hand without payment mode, or with the mandate that Odoo proposed, is collected as the others are.

        :param terms: InvoiceTerms with the journal filled in
        """
        own = self._get_invoice_terms()
        if self.billing_run_id:
            return own == terms
        if not own.payment_mode_id:
            own = own._replace(payment_mode_id=terms.payment_mode_id)
        if not self._get_chosen_mandate():
            own = own._replace(mandate_id=terms.mandate_id)
        return own == terms

    def _get_shared_terms(self, waiting):
        """The terms on which this draft goes together with those that wait: theirs where it leaves them open."""
        candidates = [move._get_invoice_terms() for move in waiting.sorted(lambda move: not move.billing_run_id)]
        return next((terms for terms in candidates if self._fits(terms)), self._get_invoice_terms())

    def _get_collection_problem(self):
        """Why this draft can't be collected, as a sentence in the user's language, or an empty text."""
        self.ensure_one()
        if not self.payment_mode_id.payment_method_id.mandate_required or self._is_nothing_to_pay():
            return ""
        mandate = self.env["account.banking.mandate"].browse(self._get_invoice_terms().mandate_id)
        return self.partner_id._get_mandate_problem(self.company_id, mandate) or ""

    def _is_nothing_to_pay(self):
        self.ensure_one()
        return self.currency_id.compare_amounts(self.amount_total, 0) <= 0

    def _get_release_problems(self):
        """Why drafts that wait can't be posted, whatever they are collected with.

        :return: dict of sentences in the user's language, by the drafts that can't be
        """
        subscribed = self._filter_subscription_invoices()
        problems = {move: move._get_release_problem(move in subscribed) for move in self}
        return {move: problem for move, problem in problems.items() if problem}

    def _get_release_problem(self, is_subscribed):
        """Why this draft can't be posted, as a sentence; an empty text when it can.

        :param is_subscribed: whether it bills subscriptions, which are paid by direct debit (R1)
        """
        self.ensure_one()
        name, mode = self.display_name, self.payment_mode_id
        if not self.invoice_line_ids.filtered(lambda line: line.display_type == "product"):
            return self.env._("%s has no lines any more. Delete it.", name)
        if not self.journal_id.active:
            return self.env._(
                "The journal of %(invoice)s, %(journal)s, is archived. Restore it, or choose another on the draft.",
                invoice=name,
                journal=self.journal_id.display_name,
            )
        if account := self.line_ids.account_id.filtered(lambda account: not account.active)[:1]:
            return self.env._(
                "Account %(account)s of %(invoice)s is archived. Restore it, or choose another on the draft.",
                account=account.display_name,
                invoice=name,
            )
        if not self.currency_id.active:
            return self.env._(
                "%(invoice)s is in %(currency)s, which isn't active. Activate that currency.",
                invoice=name,
                currency=self.currency_id.name,
            )
        if self.partner_bank_id and not self.partner_bank_id.active:
            return self.env._("The bank account on %s is archived. Choose another on the draft.", name)
        if is_subscribed and not mode.payment_method_id.mandate_required:
            return self.env._(
                "%s holds subscriptions, which are paid by direct debit. Choose that as its payment mode.", name
            )
        return ""

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
    def _get_invoice_key_cols(self):
        # EXTENDS 'account_invoice_merge': only what is collected in the same way and waits alike
        return super()._get_invoice_key_cols() + self._get_merged_billing_fields()

    @api.model
    def _get_merged_billing_fields(self):
        return ["payment_mode_id", "mandate_id", "fiscal_position_id", "deferral_state", "deferred_until"]

    @api.model
    def _get_invoice_line_key_cols(self):
        # EXTENDS 'account_invoice_merge': it drops fields it doesn't know (T18)
        billed = ["start_date", "end_date", "subscription_line_id", "billing_cycle", "is_billing_credit"]
        return [*super()._get_invoice_line_key_cols(), *billed, "supply_date", "is_downpayment"]

    @api.model
    def _get_first_invoice_fields(self, invoice):
        # EXTENDS 'account_invoice_merge'
        values = super()._get_first_invoice_fields(invoice)
        if not invoice.company_id.use_billing:
            return values
        names = [*self._get_merged_billing_fields(), "billing_run_id", "invoice_date", "invoice_date_due"]
        return {**values, **{name: self._fields[name].convert_to_write(invoice[name], invoice) for name in names}}

    @api.model
    def merge_callback(self, invoices_info, old_invoices):
        # EXTENDS 'account_invoice_merge': the charges go along, or their periods would be billed again
        merged = [(self.browse(merged_id), self.browse(old_ids)) for merged_id, old_ids in invoices_info.items()]
        for move, old in merged:
            move._adopt_orders(old)
        result = super().merge_callback(invoices_info, old_invoices)
        for move, old in merged:
            move._adopt_charges(old)
        return result

    def _adopt_orders(self, old):
        """Let what orders charged on ``old`` invoices, and their timesheets, go along to this merged one."""
        lines = {
            (sale_line, line.start_date): line
            for line in self.invoice_line_ids
            for sale_line in line.sudo().sale_line_ids
        }
        for charge in old.invoice_line_ids.sudo().charge_ids.filtered(lambda charge: charge.kind == "sale"):
            charge.move_line_id = lines[charge.sale_line_id, charge.move_line_id.start_date]
        old.sudo().timesheet_ids.timesheet_invoice_id = self

    def _adopt_charges(self, old):
        """Let the charges of subscriptions and calls on ``old`` invoices go along to this merged one."""
        lines = {
            (line.subscription_line_id, line.start_date, line.is_billing_credit): line for line in self.invoice_line_ids
        }
        texts = {(line.name, line.start_date): line for line in self.invoice_line_ids}
        for charge in old.invoice_line_ids.sudo().charge_ids:
            if charge.subscription_line_id:
                charge.move_line_id = lines[charge.subscription_line_id, charge.period_start, charge.is_credit]
            else:
                charge.move_line_id = texts[charge.move_line_id.name, charge.period_start]
