from odoo import api, models
from odoo.tools import format_date

from ...drafting.terms import InvoiceTerms

# What can be billed, in the order in which it stands on an invoice. A fourth source is its file, see the example in the
# protocol below, its line here, and the access rules and views of its model.
BILLING_SOURCES = (
    "sale.subscription.line",  # the days of subscriptions
    "bfocused.billing.charge",  # calls, which are in the ledger from their import on
    "sale.order.line",  # hours, products and one-off lines of orders
)


class BillingSourceMixin(models.AbstractModel):
    """The protocol of what can be billed.

    A source is a model of which each record can be billed: a subscription line, the calls of one number in one month,
    an order line. The billing run and the explanation know sources by this protocol only. Per run, in this order:

    1. :meth:`_settle_before_billing` sets right what decides who has something to bill.
    2. :meth:`_get_billing_customers` tells who may have something to bill.
    3. For a hundred or so of these customers at a time, :meth:`_get_billing_parts` divides what is due, and
       :meth:`_get_billing_group` makes of each part the lines of an invoice, or says why it is held. Parts with the
       same terms and the same hold reason become one invoice, lines in the order of the sources.
    4. :meth:`_get_supply_nature` says by which law an invoice may wait, :meth:`_get_billing_document` names what it
       refers to.
    5. :meth:`_prepare_charge` makes the ledger's row of each line, once the draft is there. The ledger refuses what was
       charged before; :meth:`_find_billed_items` then tells which items those were, and the others are billed.
    6. :meth:`_after_drafting` tells other records that they are billed.
    7. :meth:`_stays_open` says what becomes of a charge when its draft is deleted.
    8. :meth:`_explain_charge` and :meth:`_get_first_billing_date` tell afterwards why a charge is there.

    A preview does the same and undoes it, so no method leaves anything outside the database's transaction. Amounts are
    ``float`` in the currency of the group, without VAT unless the product's price includes it; days are ``date``, first
    and last day included. Texts on the invoice are in the customer's language, reasons in the user's.

    The file of a source holds its model and, for its rows in the ledger, the kind, the reference to what was billed and
    the index by which the database refuses to bill it twice. Access and views are those of any model::

        class Trip(models.Model):
            _name = "bfocused.trip"
            _description = "Kilometres"
            _inherit = ["bfocused.billing.source.mixin"]

            subscription_id = fields.Many2one("sale.subscription", required=True)
            ...

            @api.model
            def _get_charge_kinds(self):
                return ("distance",)

            ...  # what else this protocol asks for: all without a default, and _explain_charge


        class BillingCharge(models.Model):
            _inherit = "bfocused.billing.charge"

            kind = fields.Selection(selection_add=[("distance", "Kilometres")], ondelete={"distance": "cascade"})
            trip_id = fields.Many2one("bfocused.trip", index="btree_not_null", ondelete="restrict")

            _trip_once = models.UniqueIndex(
                "(trip_id) WHERE kind = 'distance' AND state <> 'void'", "This trip was billed already."
            )
    """

    _name = "bfocused.billing.source.mixin"
    _description = "Billing: what can be billed"

    # === TABLE

    @api.model
    def _get_billing_sources(self):
        """The sources in their order; another add-on adds its own by extending this method.

        :return: list of empty recordsets that keep this protocol
        """
        return [self.env[name] for name in BILLING_SOURCES]

    @api.model
    def _get_source_of_kind(self, kind):
        """The source that writes charges of ``kind``; this protocol itself where its add-on isn't there.

        :param kind: value of ``bfocused.billing.charge.kind``
        """
        for source in self._get_billing_sources():
            if kind in source._get_charge_kinds():
                return source
        return self.env["bfocused.billing.source.mixin"]

    # === PROTOCOL

    @api.model
    def _get_charge_kinds(self):
        """The kinds of charges this source writes, each written by one source only.

        :return: tuple of values of ``bfocused.billing.charge.kind``
        """
        raise NotImplementedError(f"{self._name} keeps the protocol of {BillingSourceMixin._name}")

    @api.model
    def _settle_before_billing(self, run, customers=None):
        """Set right what decides who has something to bill: once per run, and per chunk of a preview.

        :param run: ``bfocused.billing.run`` record; its ``company_id`` and ``date`` say what is due
        :param customers: ``res.partner`` records, commercial entities; all when left out
        """

    @api.model
    def _get_billing_customers(self, run):
        """Whoever may have something of this source to bill in the run; one too many does no harm.

        :return: ``res.partner`` records, commercial entities of those the invoices are addressed to
        """
        raise NotImplementedError(f"{self._name} keeps the protocol of {BillingSourceMixin._name}")

    @api.model
    def _get_billing_parts(self, run, customers):
        """Divide what is due into parts of which the terms are the same; an error in one part leaves the others alone.

        What many parts need is best read here, for all of them at once.

        :param customers: ``res.partner`` records, commercial entities
        :return: iterator of (``res.partner`` record of whom an error is told, anything that :meth:`_get_billing_group`
            understands), in the order in which the lines stand on an invoice
        """
        raise NotImplementedError(f"{self._name} keeps the protocol of {BillingSourceMixin._name}")

    @api.model
    def _get_billing_group(self, run, part, memo):
        """What is due of one part, and the invoice it belongs on.

        :param part: what :meth:`_get_billing_parts` made
        :param memo: dict of what was found for other parts, see :meth:`_get_billing_position`
        :return: BillingGroup with its InvoiceTerms, its invoice address and an Item for each invoice line, of which
            ``source`` is the record that is billed and ``values`` are those of the ``account.move.line`` without its
            move. With a hold reason when it can't be billed now. Without items only when nothing but that reason is to
            be told. ``None`` when nothing is due.
        """
        raise NotImplementedError(f"{self._name} keeps the protocol of {BillingSourceMixin._name}")

    def _get_billing_document(self):
        """The agreement that is billed: its name, salesperson and delivery address stand on the invoice.

        :return: a record with ``name``, ``user_id`` and ``partner_shipping_id``, or an empty one where there is none
        """
        return self.browse()

    def _prepare_charge(self, item, move_line, run):
        """The ledger's row for what was put on an invoice.

        :param item: Item of this record
        :param move_line: ``account.move.line`` made of it
        :param run: ``bfocused.billing.run``
        :return: values of a new ``bfocused.billing.charge``; where the record is a charge itself, values to write in
            it. ``None`` for a line that charges nothing, such as a heading.
        """
        raise NotImplementedError(f"{self._name} keeps the protocol of {BillingSourceMixin._name}")

    @api.model
    def _get_supply_nature(self, has_period=True):
        """The nature of what this source supplies: a continuing service is settled per agreed period.

        :param has_period: whether its invoice line has a first and a last day; a charge has both
        :return: ``continuing`` or ``separate``, as in ``bfocused.billing.charge.supply_nature``
        """
        return "continuing" if has_period else "separate"

    @api.model
    def _after_drafting(self, run, drafted):
        """Tell other records that they are billed, once the drafts and their rows in the ledger are there.

        :param run: ``bfocused.billing.run`` record
        :param drafted: list of (Item, ``account.move`` record on which it stands), all of this source
        """

    @api.model
    def _stays_open(self, charge):
        """Whether a charge of this source that is on no invoice waits in the ledger to be billed.

        Else it is void, and the source finds what it charged again: a subscription line by its dates, an order line by
        what is to be invoiced.

        :param charge: ``bfocused.billing.charge`` record of one of :meth:`_get_charge_kinds`
        """
        return False

    @api.model
    def _find_billed_items(self, items):
        """Those of ``items`` that the ledger holds already, as the database says now.

        :param items: list of Item, all of this source
        """
        return []

    @api.model
    def _explain_charge(self, charge):
        """Why a charge of this source stands on its invoice line.

        :param charge: ``bfocused.billing.charge`` record of one of :meth:`_get_charge_kinds`
        :return: list of Component of which the amounts add up to what the run put on that line; empty when nothing more
            is known than that amount
        """
        return []

    @api.model
    def _get_first_billing_date(self, charge):
        """The first day on which a charge of this source could have been billed; date."""
        return charge.period_start

    # === COMMON TO SOURCES

    @api.model
    def _get_customer_terms(self, company, partner, memo):
        """The terms of an invoice that follows no agreement: the customer's own.

        :param partner: ``res.partner`` the invoice is addressed to
        :param memo: dict of what was found for others, see :meth:`_get_billing_position`
        :return: InvoiceTerms, and the reason for which it is held
        """
        mode = partner.with_company(company).customer_payment_mode_id or company.billing_payment_mode_id
        mandate, problem = self.env["account.banking.mandate"], ""
        if mode.payment_method_id.mandate_required:
            mandate = partner._get_billing_mandate(company)
            problem = partner._get_mandate_problem(company, mandate) or ""
        position = self._get_billing_position(company, partner, self.env["res.partner"], memo)
        return InvoiceTerms.of_customer(partner, company.currency_id, mode, mandate, position), problem

    @api.model
    def _get_billing_position(self, company, partner, delivery, memo):
        """The fiscal position Odoo finds for an address.

        :param delivery: ``res.partner`` that is delivered to, maybe empty
        :param memo: dict that remembers what was found
        """
        if (partner, delivery) not in memo:
            positions = self.env["account.fiscal.position"].with_company(company)
            memo[partner, delivery] = positions._get_fiscal_position(partner, delivery)
        return memo[partner, delivery]

    @api.model
    def _get_billing_obstacle(self, run, terms, records, memo, items=()):
        """What stands in the way of an invoice, or what nobody wants to be billed with, as a sentence or an empty text.

        What anybody can foresee is told here, with what to do, for the part that it concerns: the others go on.

        :param terms: InvoiceTerms of the invoice
        :param records: records that mustn't be archived: the ``res.partner`` the invoice is addressed to, products
        :param memo: dict of what was found for other parts
        :param items: list of Item that are to stand on it
        """
        return (
            self._get_record_obstacle(run, records)
            or self._get_terms_obstacle(run, terms, memo)
            or self._get_account_obstacle(run, terms, next(iter(records)), items, memo)
        )

    @api.model
    def _get_record_obstacle(self, run, records):
        """The same of the records themselves: what is archived, or another company's."""
        companies = run.company_id.sudo().parent_ids
        for record in records:
            if not record.active:
                return self.env._("%s is archived. Restore it, or end what is billed.", record.display_name)
            owner = record.sudo().company_id
            if owner and owner not in companies:
                return self.env._(
                    "%(record)s belongs to %(other)s, so %(company)s can't bill it. Correct its company.",
                    record=record.display_name,
                    other=owner.name,
                    company=run.company_id.name,
                )
        return ""

    @api.model
    def _get_terms_obstacle(self, run, terms, memo):
        """The same of what the invoice is made with: currency and journal."""
        key = "terms", terms.currency_id, terms.journal_id
        if key not in memo:
            currency = self.env["res.currency"].browse(terms.currency_id)
            memo[key] = self._get_currency_obstacle(run, currency) or self._get_journal_obstacle(run, terms.journal_id)
        return memo[key]

    @api.model
    def _get_currency_obstacle(self, run, currency):
        if not currency.active:
            return self.env._("Currency %s isn't active. Activate it, or use another price list.", currency.name)
        if not self._has_rate(currency, run):
            return self.env._(
                "No exchange rate of %(currency)s on or before %(date)s.",
                currency=currency.name,
                date=format_date(self.env, run.date),
            )
        return ""

    @api.model
    def _get_journal_obstacle(self, run, journal_id):
        journals = self.env["account.journal"]
        if journal_id:
            journal = journals.browse(journal_id)
            if journal.active:
                return ""
            return self.env._(
                "You cannot post an entry in an archived journal (%s). Restore it, or choose another.",
                journal.display_name,
            )
        domain = [*journals._check_company_domain(run.company_id), ("type", "=", "sale")]
        if journals.search_count(domain, limit=1):
            return ""
        return self.env._("%s has no sales journal. Make one, or restore the archived one.", run.company_id.name)

    @api.model
    def _get_account_obstacle(self, run, terms, partner, items, memo):
        """The same of the accounts on which the items, their taxes and what the customer owes are booked."""
        if not items:
            return ""
        receivable = partner.with_company(run.company_id).commercial_partner_id.property_account_receivable_id
        if receivable and not receivable.active:
            return self._get_archived_account_sentence(receivable, partner)
        for item in items:
            values = item.values
            if "tax_ids" not in values:  # a heading
                continue
            product_id, account_id, taxes = values.get("product_id"), values.get("account_id"), values["tax_ids"][0][2]
            key = "accounts", product_id, account_id, tuple(taxes), terms.fiscal_position_id, terms.journal_id
            if key not in memo:
                memo[key] = self._get_line_obstacle(run, terms, product_id, account_id, taxes)
            if memo[key]:
                return memo[key]
        return ""

    @api.model
    def _get_line_obstacle(self, run, terms, product_id, account_id, tax_ids):
        """The same of the accounts of one line, as Odoo will find them.

        :param account_id: id of the account chosen for it, if any
        """
        company = run.company_id
        product = self.env["product.product"].with_company(company).browse(product_id or False)
        position = self.env["account.fiscal.position"].browse(terms.fiscal_position_id)
        account = self.env["account.account"].with_company(company).browse(account_id or False)
        if not account and product:
            account = product.product_tmpl_id.get_product_accounts(fiscal_pos=position)["income"]
        if not account:
            account = self._get_billing_journal(run, terms).default_account_id
        if not account:
            return self.env._(
                "Missing required account: choose the income account of %s, of its category, or of the journal.",
                product.display_name or self.env._("what has no product"),
            )
        if not account.active:
            return self._get_archived_account_sentence(account, product)
        taxes = self.env["account.tax"].browse(tax_ids).flatten_taxes_hierarchy()
        for tax in taxes.sudo():
            if tax.company_id not in company.sudo().parent_ids:
                return self.env._(
                    "Tax %(tax)s of %(product)s is of %(other)s. Choose one of %(company)s.",
                    tax=tax.name,
                    product=product.display_name,
                    other=tax.company_id.name,
                    company=company.name,
                )
            booked = (tax.invoice_repartition_line_ids | tax.refund_repartition_line_ids).account_id
            if archived := booked.filtered(lambda account: not account.active)[:1]:
                return self._get_archived_account_sentence(archived, tax)
        return ""

    @api.model
    def _get_billing_journal(self, run, terms):
        """The journal of an invoice: its own, or else the one Odoo takes."""
        journals = self.env["account.journal"]
        if terms.journal_id:
            return journals.browse(terms.journal_id)
        return journals.search([*journals._check_company_domain(run.company_id), ("type", "=", "sale")], limit=1)

    @api.model
    def _get_archived_account_sentence(self, account, record):
        return self.env._(
            "Account %(account)s of %(record)s is archived. Restore it, or choose another.",
            account=account.display_name,
            record=record.display_name,
        )

    @api.model
    def _get_payment_mode_obstacle(self, run, terms):
        """Why what is to be paid can't be invoiced with its payment mode, as a sentence, or an empty text."""
        mode = self.env["account.payment.mode"].browse(terms.payment_mode_id)
        if mode and not mode.active:
            return self.env._("Payment mode %s is archived. Restore it, or choose another.", mode.name)
        if mode and mode.company_id != run.company_id:
            return self.env._(
                "Payment mode %(mode)s is of %(other)s. Choose one of %(company)s.",
                mode=mode.name,
                other=mode.sudo().company_id.name,
                company=run.company_id.name,
            )
        return ""

    @api.model
    def _has_rate(self, currency, run):
        """Whether amounts can be converted; Odoo takes a currency without rate for the company's own, one to one."""
        company = run.company_id
        if currency == company.currency_id:
            return True
        rates = self.env["res.currency.rate"].sudo()
        domain = [
            ("currency_id", "=", currency.id),
            ("company_id", "in", [False, company.root_id.id]),
            ("name", "<=", run.date),
        ]
        return bool(rates.search_count(domain, limit=1))
