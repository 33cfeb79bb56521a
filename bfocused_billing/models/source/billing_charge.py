from datetime import timedelta

from odoo import Command, api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import float_round, format_date

from ...drafting.group import BillingGroup, Item
from ...tools import includes_vat
from ...usage import UsageRebooking

PRICE_DIGITS = 6  # of a price with VAT, so that taking the VAT out again comes to the same cent


class BillingCharge(models.Model):
    """Charges of calls: what one number called to one destination class in one month, billed in arrears.

    They are a source themselves, as they stand in the ledger before they are billed. The import adds calls to a charge
    as long as it is open; once it is on an invoice, later calls go to a later month.
    """

    _name = "bfocused.billing.charge"
    _inherit = ["bfocused.billing.charge", "bfocused.billing.source.mixin"]

    supply_nature = fields.Selection(
        selection=[("continuing", "Continuing service"), ("separate", "Separate supply")],
        string="Nature",
        compute="_compute_supply_nature",
        help="A continuing service is settled per agreed period, a separate supply by the month in which it was done.",
    )

    # === COMPUTE

    @api.depends("kind")
    def _compute_supply_nature(self):
        for charge in self:
            charge.supply_nature = charge._get_source()._get_supply_nature()

    # === LEDGER OF ALL SOURCES

    @api.model
    def _get_billed_items(self, items):
        """Those of ``items`` that the ledger holds, as the database says now.

        :param items: list of Item
        """
        sources = self.env["bfocused.billing.source.mixin"]._get_billing_sources()
        return [
            billed
            for source in sources
            for billed in source._find_billed_items([item for item in items if item.source._name == source._name])
        ]

    def _get_source(self):
        """The source that wrote this charge, as an empty recordset."""
        self.ensure_one()
        return self.env["bfocused.billing.source.mixin"]._get_source_of_kind(self.kind)

    def _waits_in_ledger(self):
        # EXTENDS 'bfocused.billing.charge'
        return self._get_source()._stays_open(self)

    def _renumber_in_chain(self):
        # EXTENDS 'bfocused.billing.charge.hooks': a line that took over may have billed their days since
        for charge in self.filtered(lambda charge: charge.chain_id and not charge.is_credit):
            number = charge.subscription_line_id._get_chain_round(charge._get_period(), but=self)
            if number > charge.chain_round:
                (charge | charge.credit_ids).chain_round = number

    # === SOURCE

    @api.model
    def _get_charge_kinds(self):
        # OVERRIDES 'bfocused.billing.source.mixin'
        return ("usage",)

    @api.model
    def _settle_before_billing(self, run, customers=None):
        # OVERRIDES 'bfocused.billing.source.mixin'
        names = None
        if customers is not None:
            domain = Domain("company_id", "=", run.company_id.id) & self._get_number_domain(customers)
            names = self.env["bfocused.usage.number"].search(domain).mapped("name")
        self._rebook_void_usage(run.company_id, names)

    @api.model
    def _get_billing_customers(self, run):
        # OVERRIDES 'bfocused.billing.source.mixin'
        domain = self._get_open_usage_domain(run.company_id, run.date, run.is_scoped)
        numbers = self.env["bfocused.usage.number"].union(
            *(number for [number] in self._read_group(domain, ["usage_number_id"]))
        )
        subscriptions = numbers.subscription_id
        payers = subscriptions.partner_invoice_id | subscriptions.partner_id | numbers.partner_id
        return payers.commercial_partner_id

    @api.model
    def _get_number_domain(self, customers):
        """Domain of the numbers whose calls are, or were for some time, paid by ``customers``."""
        return Domain("subscription_id", "any", self.env["sale.subscription"]._get_payer_domain(customers)) | (
            Domain("subscription_id", "=", False) & Domain("partner_id.commercial_partner_id", "in", customers.ids)
        )

    @api.model
    def _get_billing_parts(self, run, customers):
        # OVERRIDES 'bfocused.billing.source.mixin': one part per set of terms
        payers = Domain("usage_number_id", "any", self._get_number_domain(customers))
        charges = self._get_open_usage_charges(run.company_id, run.date, payers, run.is_scoped)
        for part in charges.grouped(lambda charge: charge.usage_number_id._get_line_key()).values():
            yield part[:1].partner_id, part

    @api.model
    def _get_billing_group(self, run, part, memo):
        # OVERRIDES 'bfocused.billing.source.mixin'
        charge = next(iter(part))  # unlike part[:1] it has what it refers to read together with the others
        subscription, partner = charge._get_usage_terms()
        if subscription:
            terms = subscription._get_invoice_terms(run.company_id, memo)
            reason = subscription._get_hold_reason(run.date) or ""
        else:
            terms, reason = self._get_customer_terms(run.company_id, partner, memo)
        terms = terms._replace(currency_id=part.currency_id.id)  # calls are in the company's, whatever the subscription
        position = self.env["account.fiscal.position"].browse(terms.fiscal_position_id)
        products = charge.usage_number_id._get_product()
        if not products.filtered_domain(run._get_scope_product_domain("product_tmpl_id")):
            return None
        items = part._get_items(partner, position, run)
        reason = reason or self._get_payment_mode_obstacle(run, terms)
        reason = reason or self._get_billing_obstacle(run, terms, (partner, *products), memo, items)
        return BillingGroup(terms, partner, reason, items=items)

    @api.model
    def _stays_open(self, charge):
        # OVERRIDES 'bfocused.billing.source.mixin': calls of a void charge may be on another invoice by now
        return charge.state != "void"

    @api.model
    def _get_first_billing_date(self, charge):
        # OVERRIDES 'bfocused.billing.source.mixin': calls are billed once their month is over, or by a limited run
        if not charge.usage_number_id:
            return charge.period_start
        day, run = charge.period_end + timedelta(days=1), charge.run_id
        return min(day, run.date) if run.is_scoped else day

    # --- what is due

    @api.model
    def _get_open_usage_charges(self, company, date, payer_domain=Domain.TRUE, is_interim=False):
        """The charges of calls that may be billed on ``date``: of months that are over.

        :param company: ``res.company`` record
        :param date: date of the billing run
        :param payer_domain: Domain of those of some customers
        :param is_interim: also of months that have begun
        :return: charges by number, destination class and month, with what their invoice lines need prefetched
        """
        charges = self.search(self._get_open_usage_domain(company, date, is_interim) & payer_domain)
        destinations = charges.usage_destination_id
        order = {destination: index for index, destination in enumerate(destinations.sorted())}
        return charges.sorted(
            lambda charge: (charge.usage_number_id.name, order[charge.usage_destination_id], charge.period_start)
        )

    @api.model
    def _get_open_usage_domain(self, company, date, is_interim=False):
        """Domain of the charges of calls that may be billed on ``date``: of months that are over.

        :param is_interim: also of months that have begun
        """
        return (
            Domain("company_id", "=", company.id)
            & Domain("kind", "=", "usage")
            & Domain("state", "=", "open")
            & Domain("usage_calls", ">", 0)
            & (Domain("period_start", "<=", date) if is_interim else Domain("period_end", "<", date))
        )

    # --- calls whose invoice was cancelled

    @api.model
    def _rebook_void_usage(self, company, names=None):
        """Calls whose invoice was cancelled are to be billed again; the void charge stays as history.

        :param names: only of numbers of these names; default: of all
        """
        booking = UsageRebooking(self.env, company)
        charge_ids = booking.find_void(names)
        if charge_ids:
            booking.rebook_void(charge_ids)

    def _take_back_calls(self):
        """Void charges that are about to live again get their calls back.

        :return: open charges that made room, see :meth:`_book_later`
        :raise UserError: when their calls are on another invoice
        """
        made_room = self.browse()
        for company, charges in self.grouped("company_id").items():
            booking = UsageRebooking(self.env, company)
            rival = booking.find_rival(charges.ids)
            if rival:
                charge, other = self.browse(rival)
                raise UserError(
                    self.env._(
                        "%(period)s was billed again on %(invoice)s. Cancel that first.",
                        period=charge.display_name,
                        invoice=other.move_id.display_name,
                    )
                )
            made_room += self.browse(booking.take_back(charges.ids))
            charges._check_calls_complete()
        return made_room

    def _check_calls_complete(self):
        """Refuse to let charges live again without their calls, as where those went on before that was remembered."""
        domain = [("charge_id", "in", self.ids)]
        counts = dict(self.env["bfocused.usage.record"]._read_group(domain, ["charge_id"], ["__count"]))
        for charge in self:
            if counts.get(charge, 0) != charge.usage_calls:
                raise UserError(
                    self.env._(
                        "The calls of %s went on another invoice, and it isn't known which. Make a new invoice "
                        "instead.",
                        charge.display_name,
                    )
                )

    def _book_later(self):
        """Calls that came in while their month's charge was void go to the next month, now that it lives again."""
        for company, charges in self.grouped("company_id").items():
            UsageRebooking(self.env, company).book_later(charges.ids)

    # --- on the invoice

    def _get_usage_terms(self):
        """Whose terms the invoice follows.

        :return: (``sale.subscription`` record or empty, ``res.partner`` record the invoice is addressed to)
        """
        self.ensure_one()
        number = self.usage_number_id
        subscription = number.subscription_id
        if subscription:
            return subscription, subscription._get_billing_partner()
        customer = number.partner_id
        address = customer.address_get(["invoice"])["invoice"]
        # the customer's own record is read together with the others
        return subscription, customer if address == customer.id else self.env["res.partner"].browse(address)

    def _get_billing_document(self):
        # OVERRIDES 'bfocused.billing.source.mixin': the agreement the calls are billed under, maybe none
        return self.usage_number_id.subscription_id

    def _get_items(self, partner, position, run=None):
        """The invoice lines of these charges, which have their terms in common.

        :param partner: ``res.partner`` the invoice is addressed to
        :param position: ``account.fiscal.position`` of the invoice
        :param run: ``bfocused.billing.run`` that may bill a part of the month; the whole period when left out
        :rtype: list of Item
        """
        company = self.company_id
        product = self.usage_number_id[:1]._get_product().with_company(company)
        lang, periods = partner.lang or self.env.lang, {}
        new, former = (
            position.map_tax(taxes._filter_taxes_by_company(company))
            for taxes in (product.taxes_id, product.billing_former_tax_ids)
        )
        day = product.billing_taxes_from
        items = []
        for charge in self:
            end = run._get_usage_end(charge) if run else charge.period_end
            taxes = former if day and end < day else new
            items.append(Item(charge, charge._prepare_usage_move_line(product, taxes, lang, periods, end)))
        return items

    def _prepare_usage_move_line(self, product, taxes, lang, periods, end):
        """Values of the invoice line of this charge; the amount in its currency.

        :param product: ``product.product`` of the line
        :param taxes: ``account.tax`` of the line
        :param lang: code of the customer's language
        :param periods: dict of texts, see :meth:`_get_usage_label`
        :param end: last day that is billed
        """
        self.ensure_one()
        return {
            "product_id": product.id,
            "quantity": 1,
            "tax_ids": [Command.set(taxes.ids)],
            "name": self._get_usage_label(lang, periods, end),
            "price_unit": self._get_usage_price(taxes),
            "start_date": self.period_start,
            "end_date": end,
        }

    def _get_usage_price(self, taxes):
        """The price that comes to the charge's amount, which is without VAT, also where prices include it."""
        amount = self.amount_untaxed
        if not includes_vat(taxes):
            return amount
        details = taxes._get_tax_details(
            amount,
            1,
            precision_rounding=self.currency_id.rounding,
            rounding_method="round_globally",
            product=self.usage_number_id._get_product(),
            special_mode="total_excluded",
        )
        included = (data["tax_amount"] for data in details["taxes_data"] if data["tax"].price_include)
        return float_round(amount + sum(included), PRICE_DIGITS)

    def _prepare_charge(self, item, move_line, run):
        # OVERRIDES 'bfocused.billing.source.mixin': calls are in the ledger since their import
        drafted = move_line.move_id._get_billing_sign() * move_line.price_subtotal
        values = {"move_line_id": move_line.id, "run_id": run.id, "drafted_amount": drafted}
        if item.values["end_date"] != self.period_end:  # later calls of the month get a charge that begins after it
            values["period_end"] = item.values["end_date"]
        return values

    def _get_usage_label(self, lang, periods, end):
        """For example "Gesprekskosten +31201234567, mobiel, 1 januari 2026 t/m 31 januari 2026 (31 gesprekken, ...)".

        :param lang: code of the language
        :param periods: dict of texts to find and to leave those of the month in
        :param end: last day that is billed
        """
        charge = self.with_context(lang=lang)
        key = lang, self.period_start, end
        if key not in periods:
            periods[key] = [
                format_date(charge.env, day, lang_code=lang, date_format="d MMMM y") for day in (self.period_start, end)
            ]
        start_text, end_text = periods[key]
        return charge.env._(
            "Call costs %(number)s, %(destination)s, %(start)s to %(end)s (%(calls)s calls, %(duration)s min)",
            number=self.usage_number_id.name,
            destination=charge.usage_destination_id.name,
            start=start_text,
            end=end_text,
            calls=self.usage_calls,
            duration="{}:{:02}".format(*divmod(self.usage_seconds, 60)),
        )
