"""Draft invoices in bulk: the journal items that Odoo would make one invoice at a time. No model."""

from collections import defaultdict
from dataclasses import dataclass, field

from odoo import Command, fields

# What moves and lines may say to be made in bulk: anything else could change the journal items in an unforeseen way.
# Another add-on adds the fields of which it knows that they don't.
MOVE_FIELDS = {
    "billing_run_id",
    "deferral_state",
    "collection_date",
    "company_id",
    "currency_id",
    "deferred_until",
    "fiscal_position_id",
    "invoice_date",
    "invoice_date_due",
    "invoice_line_ids",
    "invoice_origin",
    "invoice_payment_term_id",
    "invoice_user_id",
    "journal_id",
    "mandate_id",
    "move_type",
    "partner_id",
    "partner_shipping_id",
    "payment_mode_id",
    "ref",
    "subscription_id",
}
NEEDED_MOVE_FIELDS = {"company_id", "currency_id", "fiscal_position_id", "invoice_date", "invoice_payment_term_id"}
LINE_FIELDS = {
    "account_id",
    "analytic_distribution",
    "billing_cycle",
    "discount",
    "end_date",
    "name",
    "price_unit",
    "product_id",
    "product_uom_id",
    "quantity",
    "sale_line_ids",
    "start_date",
    "subscription_line_id",
    "tax_ids",
}
NEEDED_LINE_FIELDS = {"name", "price_unit", "product_id", "quantity", "tax_ids"}

# What makes Odoo's journal items. Where a module has its own, they are made in Odoo's way, with what it adds.
SYNC_METHODS = {
    "_compute_needed_terms",
    "_get_product_base_line_currency_rate",
    "_get_rounded_base_and_tax_lines",
    "_get_sync_stack",
    "_prepare_product_base_line_for_taxes_computation",
    "_sync_dynamic_line",
    "_sync_dynamic_lines",
    "_sync_rounding_lines",
    "_sync_tax_lines",
}


@dataclass(eq=False)  # told apart by what it is, not by what it holds: environments are found again by their context
class DraftingBatch:
    """What moves that are drafted together have in common; in the context, as Odoo computes some of it afterwards."""

    has_distributions: bool | None = None  # whether there are models of analytic distribution; None: not asked yet


@dataclass(eq=False)
class PostingBatch:
    """What moves that are posted together have in common."""

    formats: dict = field(default_factory=dict)  # what _get_next_sequence_format gave, by sequence
    ranks: dict = field(default_factory=lambda: defaultdict(lambda: defaultdict(int)))  # by field and partner id


class BulkDrafter:
    """Creates the draft invoices that Odoo would make of the same values, in less than half the time.

    Odoo makes the tax and receivable lines after an invoice is created, one invoice at a time. Here they are among the
    values already, by the same engine, so that there is nothing left to synchronise. What isn't known to come out the
    same is created by Odoo in its own way.
    """

    def __init__(self, moves):
        """
        :param moves: ``account.move`` in whose environment the invoices are made
        """
        self.moves = moves.browse()
        self.env = moves.env
        self.memo = {}  # what the invoices of one batch have in common is looked up once

    def draft(self, vals_list):
        """The draft invoices of ``vals_list``.

        :param vals_list: values as for ``create`` of ``account.move``, the invoice lines as ``Command.create``
        :return: the moves, in the order of ``vals_list``
        """
        if not self.has_odoo_sync():
            return self.moves.create(vals_list)
        completed = [self.prepare(vals) for vals in vals_list]
        bulk = self.moves.with_context(skip_invoice_sync=True, skip_invoice_line_sync=True).create(
            [vals for vals in completed if vals]
        )
        plain = self.moves.create([vals for vals, done in zip(vals_list, completed, strict=True) if not done])
        bulk_ids, plain_ids = iter(bulk.ids), iter(plain.ids)
        return self.moves.browse([next(bulk_ids if done else plain_ids) for done in completed])

    def prepare(self, vals):
        """The values with all journal items filled in.

        :return: ``None`` when they can't be proved to be what Odoo itself makes
        """
        if not self.is_draftable(vals):
            return None
        lines_values = [line_values for _command, _id, line_values in vals["invoice_line_ids"]]
        base_lines = [self._prepare_base_line(vals, line_values) for line_values in lines_values]
        items = self._prepare_base_and_tax_items(vals, base_lines, lines_values)
        if not items:
            return None
        items += self._prepare_term_items(vals, items)
        values = {name: value for name, value in vals.items() if name != "invoice_line_ids"}
        if "journal_id" not in values:
            values.update(self._prepare_journal(vals))
        return {**values, "line_ids": [Command.create(item) for item in items]}

    def _prepare_journal(self, vals):
        """The journal that Odoo would look up, unless it would then go on to look at the company or the currency."""
        key = ("journal", vals["company_id"], vals["move_type"], vals["currency_id"])
        if key not in self.memo:
            names = ("company_id", "move_type", "currency_id")
            journal = self.moves.new({name: vals[name] for name in names})._search_default_journal()
            is_usual = journal.company_id.id == vals["company_id"] and not journal.currency_id
            is_default = is_usual and "default_journal_id" not in self.env.context
            self.memo[key] = {"journal_id": journal.id} if is_default else {}
        return self.memo[key]

    # === WHAT CAN BE MADE IN BULK

    def has_odoo_sync(self):
        """Whether journal items come about as in Odoo itself, and no other installed module has its say in it."""
        return all(
            definition.__module__.startswith("odoo.addons.account.")
            for definition in type(self.moves).__mro__
            if not SYNC_METHODS.isdisjoint(vars(definition))
        )

    def is_draftable(self, vals):
        """Whether nothing among the values of an invoice could change how its journal items come about."""
        if vals.get("move_type") not in ("out_invoice", "out_refund") or not vals.get("partner_id"):
            return False
        if vals.keys() - MOVE_FIELDS or NEEDED_MOVE_FIELDS - vals.keys():
            return False
        company = self.env["res.company"].browse(vals["company_id"])
        term = self.env["account.payment.term"].browse(vals["invoice_payment_term_id"])
        if not (vals["invoice_date"] and vals["currency_id"] and vals.get("invoice_line_ids")):
            return False
        if term.early_discount or not (term or vals.get("invoice_date_due")) or self._makes_other_items(company):
            return False
        return all(self._is_draftable_line(command) for command in vals["invoice_line_ids"])

    def _makes_other_items(self, company):
        """Whether Odoo makes or signs items for this company that aren't foreseen here."""
        return (
            company.account_storno
            or company.account_discount_expense_allocation_id
            or company.account_discount_income_allocation_id
        )

    def _is_draftable_line(self, command):
        if command[0] != Command.CREATE:
            return False
        vals = command[2]
        if vals.keys() - LINE_FIELDS or NEEDED_LINE_FIELDS - vals.keys():
            return False
        if not (vals["product_id"] and vals["name"] and vals["quantity"] and self._is_set_of_taxes(vals["tax_ids"])):
            return False
        account = self.env["account.account"].browse(vals.get("account_id"))
        if "account_id" in vals and (
            not account or account.tax_ids or account.account_type in ("asset_receivable", "liability_payable")
        ):
            return False
        return "__update__" not in (vals.get("analytic_distribution") or ())

    def _is_set_of_taxes(self, commands):
        return len(commands) == 1 and len(commands[0]) == 3 and commands[0][0] == Command.SET

    # === INVOICE LINES AND TAXES

    def _prepare_base_line(self, vals, line_values):
        """A line as Odoo's tax engine takes it, with the values as the invoice line would hold them."""
        env = self.env
        lines = env["account.move.line"]
        company = env["res.company"].browse(vals["company_id"])
        product = env["product.product"].browse(line_values["product_id"])
        is_refund = vals["move_type"] == "out_refund"
        floats = {
            name: lines._fields[name].convert_to_cache(line_values.get(name) or 0.0, lines)
            for name in ("price_unit", "quantity", "discount")
        }
        distribution = self._get_distribution(line_values)
        return env["account.tax"]._prepare_base_line_for_taxes_computation(
            None,
            **floats,
            name=line_values["name"],
            product_id=product,
            product_uom_id=env["uom.uom"].browse(line_values.get("product_uom_id")) or product.uom_id,
            tax_ids=env["account.tax"].browse(line_values["tax_ids"][0][2]),
            currency_id=env["res.currency"].browse(vals["currency_id"]),
            partner_id=env["res.partner"].browse(vals["partner_id"]).commercial_partner_id,
            account_id=self._get_account(vals, line_values, company),
            analytic_distribution=distribution,
            rate=self._get_rate(vals),
            sign=1 if is_refund else -1,
            is_refund=is_refund,
        )

    def _get_distribution(self, line_values):
        distribution = line_values.get("analytic_distribution")
        if not distribution:
            return distribution
        digits = self.env["decimal.precision"].precision_get("Percentage Analytic")
        sanitized = self.env["account.move.line"]._sanitize_values({"analytic_distribution": distribution}, digits)
        return sanitized["analytic_distribution"]

    def _get_account(self, vals, line_values, company):
        """The line's own account, on which taxes without an account of their own are booked."""
        if "account_id" in line_values:
            return self.env["account.account"].browse(line_values["account_id"])
        key = ("account", company.id, line_values["product_id"], vals["fiscal_position_id"])
        if key not in self.memo:
            product = self.env["product.product"].with_company(company).browse(line_values["product_id"])
            position = self.env["account.fiscal.position"].browse(vals["fiscal_position_id"])
            accounts = product.product_tmpl_id.get_product_accounts(fiscal_pos=position)
            self.memo[key] = accounts["income"] or self.env["account.account"]
        return self.memo[key]

    def _get_rate(self, vals):
        key = ("rate", vals["company_id"], vals["move_type"], vals["currency_id"], vals["invoice_date"])
        if key not in self.memo:
            names = ("company_id", "move_type", "currency_id", "invoice_date")
            self.memo[key] = self.moves.new({name: vals[name] for name in names}).invoice_currency_rate
        return self.memo[key]

    def _prepare_base_and_tax_items(self, vals, base_lines, lines_values):
        """Values of the invoice lines, with their amounts, and of the tax lines.

        :return: ``None`` when a tax line would depend on what Odoo has yet to find out
        """
        taxes = self.env["account.tax"]
        company = self.env["res.company"].browse(vals["company_id"])
        taxes._add_tax_details_in_base_lines(base_lines, company)
        taxes._round_base_lines_tax_details(base_lines, company)
        taxes._add_accounting_data_in_base_lines_tax_details(base_lines, company, include_caba_tags=False)
        result = taxes._prepare_tax_lines(base_lines, company)
        if not all(item["account_id"] for item in result["tax_lines_to_add"]):
            return None
        if self._needs_distribution(base_lines, lines_values):
            return None
        base_items = [
            {**line_values, **amounts, **self._prepare_line_totals(base_line), "display_type": "product"}
            for line_values, (base_line, amounts) in zip(lines_values, result["base_lines_to_update"], strict=True)
        ]
        return base_items + [{**item, "display_type": "tax"} for item in result["tax_lines_to_add"]]

    def _prepare_line_totals(self, base_line):
        """What Odoo would compute once more for each line by itself: rounded before anything is spread over lines."""
        details = base_line["tax_details"]
        return {
            "price_subtotal": details["total_excluded_currency"],
            "price_total": details["total_included_currency"],
        }

    def _needs_distribution(self, base_lines, lines_values):
        """Whether a tax is split by an analytic distribution that Odoo would only find by itself."""
        for base_line, line_values in zip(base_lines, lines_values, strict=True):
            if "analytic_distribution" in line_values:
                continue
            for tax_data in base_line["tax_details"]["taxes_data"]:
                if tax_data["tax"].analytic or not all(
                    data["tax_rep"].use_in_tax_closing for data in tax_data["tax_reps_data"]
                ):
                    return True
        return False

    # === WHAT THE CUSTOMER OWES

    def _prepare_term_items(self, vals, items):
        """Values of the receivable lines, one per day on which something falls due."""
        term = self.env["account.payment.term"].browse(vals["invoice_payment_term_id"])
        totals = self._get_totals(vals, items)
        if not term:
            balance = totals["untaxed_amount"] + totals["tax_amount"]
            amount_currency = totals["untaxed_amount_currency"] + totals["tax_amount_currency"]
            due = fields.Date.to_date(vals["invoice_date_due"])
            return [self._prepare_term_item(due, balance, amount_currency)]
        terms = term._compute_terms(
            date_ref=fields.Date.to_date(vals["invoice_date"]),
            currency=self.env["res.currency"].browse(vals["currency_id"]),
            company=self.env["res.company"].browse(vals["company_id"]),
            sign=1 if vals["move_type"] == "out_invoice" else -1,
            **totals,
        )
        by_date = {}
        for line in terms["line_ids"]:
            amounts = by_date.setdefault(fields.Date.to_date(line["date"]), defaultdict(float))
            amounts["balance"] += line["company_amount"]
            amounts["amount_currency"] += line["foreign_amount"]
        return [self._prepare_term_item(date, **amounts) for date, amounts in by_date.items()]

    def _prepare_term_item(self, date, balance, amount_currency):
        return {
            "display_type": "payment_term",
            "date_maturity": date,
            "discount_date": False,
            "discount_balance": 0.0,
            "discount_amount_currency": 0.0,
            "balance": balance,
            "amount_currency": amount_currency,
        }

    def _get_totals(self, vals, items):
        """Arguments of ``_compute_terms``: the amounts of the items, as the invoice would show them."""
        company_currency = self.env["res.company"].browse(vals["company_id"]).currency_id
        currency = self.env["res.currency"].browse(vals["currency_id"])
        totals = dict.fromkeys(("untaxed_amount", "tax_amount", "untaxed_amount_currency", "tax_amount_currency"), 0.0)
        for item in items:
            kind = "tax" if item["display_type"] == "tax" else "untaxed"
            totals[f"{kind}_amount"] -= company_currency.round(item["balance"])
            totals[f"{kind}_amount_currency"] -= currency.round(item["amount_currency"])
        return {
            name: (currency if name.endswith("_currency") else company_currency).round(amount)
            for name, amount in totals.items()
        }
