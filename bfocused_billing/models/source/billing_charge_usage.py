from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import float_round, format_date

from ...usage import UsageRebooking
from ..run.billing_group import Item

PRICE_DIGITS = 6  # of a price with VAT, so that taking the VAT out again comes to the same cent


class BillingCharge(models.Model):
    """A charge of calls: what one number called to one destination class in one month, billed in arrears.

    The import adds calls to it as long as it is open; once it is on an invoice, later calls go to a later month.
    """

    _inherit = "bfocused.billing.charge"

    usage_number_id = fields.Many2one(
        "bfocused.usage.number", string="Number", index="btree_not_null", ondelete="restrict", check_company=True
    )
    usage_destination_id = fields.Many2one(
        "bfocused.usage.destination", string="Destination class", index="btree_not_null", ondelete="restrict"
    )
    usage_record_ids = fields.One2many("bfocused.usage.record", inverse_name="charge_id", string="Calls")
    usage_calls = fields.Integer(string="Number of calls")
    usage_seconds = fields.Integer(string="Duration (s)", help="In seconds.")
    usage_amount = fields.Float(
        string="Amount of the calls",
        digits=(16, 6),
        help="Their sum, before it is rounded to cents once for the whole charge.",
    )
    quantity = fields.Float(digits=(16, 2), help="Of calls: minutes.")

    _usage_once = models.UniqueIndex(
        "(usage_number_id, usage_destination_id, period_start) WHERE kind = 'usage' AND state <> 'void'",
        "These calls are charged already.",
    )
    _usage_complete = models.Constraint(
        "CHECK (usage_number_id IS NULL OR (kind = 'usage' AND usage_destination_id IS NOT NULL))",
        "A charge of calls has a number and a destination class.",
    )

    # === COMPUTE

    def _compute_state(self):
        # EXTENDS 'bfocused_billing': when a cancelled invoice is deleted, its calls may be on another one by now
        void = self.filtered(lambda charge: charge.kind == "usage" and charge.state == "void")
        result = super()._compute_state()
        void.filtered(lambda charge: not charge.move_line_id).state = "void"
        return result

    @api.depends("usage_amount", "move_line_id.price_subtotal")
    def _compute_amount_untaxed(self):
        # EXTENDS 'bfocused_billing': calls that are off their invoice again cost what they came to
        result = super()._compute_amount_untaxed()
        for charge in self:
            if charge.usage_number_id and not charge.move_line_id:
                charge.amount_untaxed = charge.currency_id.round(charge.usage_amount)
        return result

    @api.depends("usage_number_id", "usage_destination_id")
    def _compute_display_name(self):
        # EXTENDS 'bfocused_billing'
        result = super()._compute_display_name()
        for charge in self.filtered("usage_number_id"):
            start, end = (format_date(charge.env, day) for day in (charge.period_start, charge.period_end))
            number, destination = charge.usage_number_id.name, charge.usage_destination_id.name
            charge.display_name = f"{number} {destination} {start} – {end}"
        return result

    # === BUSINESS

    @api.model
    def _get_open_usage_charges(self, company, date, payer_domain=Domain.TRUE):
        """The charges of calls that may be billed on ``date``: of months that are over.

        :param company: ``res.company`` record
        :param date: date of the billing run
        :param payer_domain: Domain of those of some customers
        :return: charges by number, destination class and month, with what their invoice lines need prefetched
        """
        charges = self.search(self._get_open_usage_domain(company, date) & payer_domain)
        destinations = charges.usage_destination_id
        order = {destination: index for index, destination in enumerate(destinations.sorted())}
        return charges.sorted(
            lambda charge: (charge.usage_number_id.name, order[charge.usage_destination_id], charge.period_start)
        )

    @api.model
    def _get_open_usage_domain(self, company, date):
        """Domain of the charges of calls that may be billed on ``date``: of months that are over."""
        return (
            Domain("company_id", "=", company.id)
            & Domain("kind", "=", "usage")
            & Domain("state", "=", "open")
            & Domain("usage_calls", ">", 0)
            & Domain("period_end", "<", date)
        )

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
        """The agreement the calls are billed under, maybe none."""
        return self.usage_number_id.subscription_id

    def _get_items(self, partner, position):
        """The invoice lines of these charges, which have their terms in common.

        :param partner: ``res.partner`` the invoice is addressed to
        :param position: ``account.fiscal.position`` of the invoice
        :rtype: list of Item
        """
        company = self.company_id
        product = self.usage_number_id[:1]._get_product().with_company(company)
        taxes = position.map_tax(product.taxes_id._filter_taxes_by_company(company))
        shared = {"product_id": product.id, "quantity": 1, "tax_ids": [fields.Command.set(taxes.ids)]}
        lang, periods = partner.lang or self.env.lang, {}
        return [Item(charge, {**shared, **charge._prepare_usage_move_line(taxes, lang, periods)}) for charge in self]

    def _prepare_usage_move_line(self, taxes, lang, periods):
        """What of an invoice line is this charge's own; the amount in its currency.

        :param taxes: ``account.tax`` of the line
        :param lang: code of the customer's language
        :param periods: dict of texts, see :meth:`_get_usage_label`
        """
        self.ensure_one()
        return {
            "name": self._get_usage_label(lang, periods),
            "price_unit": self._get_usage_price(taxes),
            "start_date": self.period_start,
            "end_date": self.period_end,
        }

    def _get_usage_price(self, taxes):
        """The price that comes to the charge's amount, which is without VAT, also where prices include it."""
        amount = self.amount_untaxed
        if not any(taxes.flatten_taxes_hierarchy().mapped("price_include")):
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
        """Calls are in the ledger since their import: now their charge knows its invoice line.

        :return: values to write in this charge
        """
        return {"move_line_id": move_line.id, "run_id": run.id}

    def _get_usage_label(self, lang, periods):
        """For example "Gesprekskosten +31201234567, mobiel, 1 januari 2026 t/m 31 januari 2026 (31 gesprekken, ...)".

        :param lang: code of the language
        :param periods: dict of texts to find and to leave those of the month in
        """
        charge = self.with_context(lang=lang)
        key = lang, self.period_start
        if key not in periods:
            periods[key] = [
                format_date(charge.env, day, lang_code=lang, date_format="d MMMM y")
                for day in (self.period_start, self.period_end)
            ]
        start, end = periods[key]
        return charge.env._(
            "Call costs %(number)s, %(destination)s, %(start)s to %(end)s (%(calls)s calls, %(duration)s min)",
            number=self.usage_number_id.name,
            destination=charge.usage_destination_id.name,
            start=start,
            end=end,
            calls=self.usage_calls,
            duration="{}:{:02}".format(*divmod(self.usage_seconds, 60)),
        )
