from odoo import Command
from odoo.tools import mute_logger

from .common import BillingCase
from .size import at_size

CUSTOMERS = at_size(1000, 110)  # more than one chunk


class TestBrokenCustomers(BillingCase):
    """Ten customers of many are broken, each in another way: all others are invoiced, and the ten have a reason."""

    def make_customers(self, number):
        partners = self.env["res.partner"].create(
            [
                {"name": f"Customer {index}", "is_company": True, "country_id": self.env.ref("base.nl").id}
                for index in range(number)
            ]
        )
        accounts = (
            self.env["res.partner.bank"]
            .sudo()
            .create([{"partner_id": partner.id, "acc_number": f"THOUSAND-{partner.id}"} for partner in partners])
        )
        self.env["account.banking.mandate"].create(
            [{"partner_bank_id": account.id, "signature_date": "2025-01-01", "state": "valid"} for account in accounts]
        )
        subscriptions = self.env["sale.subscription"].create(
            [
                {
                    "company_id": self.company.id,
                    "partner_id": partner.id,
                    "template_id": self.quarter.id,
                    "pricelist_id": self.company._ensure_billing_pricelist(self.company.currency_id).id,
                    "date_start": "2026-01-01",
                    "sale_subscription_line_ids": [Command.create({"product_id": self.internet.id})],
                }
                for partner in partners
            ]
        )
        subscriptions.action_start_subscription()
        return subscriptions

    def bill_in_chunks(self, date):
        run = self.make_run(date)
        run.action_run()
        for chunk in run.chunk_ids:
            chunk._process()
            self.keep_statistics()
        run._finish()
        return run

    def use(self, subscription, **values):
        """Give a subscription a product of its own."""
        product = self.make_product("Own product", "connectivity", 120.0, **values)
        subscription.sale_subscription_line_ids.product_id = product
        return product

    # --- ways to be broken; each returns words of the reason

    def break_product(self, subscription):
        self.use(subscription).active = False
        return "Own product is archived"

    def break_account(self, subscription):
        account = self.company_data["default_account_revenue"].copy()
        self.use(subscription, property_account_income_id=account.id)
        account.active = False
        return "is archived"

    def break_missing_account(self, subscription):
        self.internet.property_account_income_id = self.company_data["default_account_revenue"]
        self.company.income_account_id = False
        category = self.env["product.category"].create({"name": "Without account"})
        subscription.journal_id = self.company_data["default_journal_sale"].copy({"default_account_id": False})
        self.use(subscription, categ_id=category.id)
        return "Missing required account"

    def break_journal(self, subscription):
        subscription.journal_id = self.company_data["default_journal_sale"].copy()
        subscription.journal_id.active = False
        return "archived journal"

    def break_receivable_account(self, subscription):
        receivable = self.company_data["default_account_receivable"].copy()
        subscription.partner_id.property_account_receivable_id = receivable
        receivable.active = False
        return "Debtors (copy)"

    def break_bank_account(self, subscription):
        subscription.partner_id.bank_ids.sudo().active = False
        return "bank account"

    def break_currency(self, subscription):
        currency = self.env["res.currency"].with_context(active_test=False).search([("name", "=", "CHF")])
        currency.active = True
        currency.rate_ids.unlink()
        subscription.pricelist_id = self.env["product.pricelist"].create(
            {"name": "Francs", "currency_id": currency.id, "company_id": self.company.id}
        )
        return "No exchange rate of CHF"

    def break_mandate(self, subscription):
        subscription.partner_id.bank_ids.mandate_ids.cancel()
        return "was cancelled"

    def break_customer(self, subscription):
        subscription.partner_id.with_context(active_test=False).active = False
        return "is archived"

    def break_cycle(self, subscription):
        self.env.cr.execute("UPDATE sale_subscription SET date_start = NULL WHERE id = %s", [subscription.id])
        subscription.invalidate_recordset()
        return "no start date"

    @mute_logger("odoo.sql_db", "odoo.addons.bfocused_billing.models.run.billing_run")
    def test_all_but_ten_are_invoiced_and_those_have_a_reason(self):
        self.company.billing_background_from = 0
        subscriptions = self.make_customers(CUSTOMERS)
        ways = [name for name in dir(self) if name.startswith("break_")]
        broken = dict(zip(ways, subscriptions[CUSTOMERS // 20 :: CUSTOMERS // 11], strict=False))
        reasons = {subscription.partner_id: getattr(self, name)(subscription) for name, subscription in broken.items()}
        self.assertEqual(len(reasons), 10)
        run = self.bill_in_chunks("2026-01-01")
        rows = {line.partner_id: line for line in run.line_ids}
        for name, subscription in broken.items():
            row = rows[subscription.partner_id]
            with self.subTest(name):
                self.assertIn(row.outcome, ("held", "failed"))
                self.assertIn(reasons[row.partner_id], row.message)
                self.assertNotIn("Unexpected", row.message)
        self.assertEqual(run.invoice_count, CUSTOMERS - 10)
        self.assertEqual(len(run.invoice_ids.commercial_partner_id), CUSTOMERS - 10)
        self.assertEqual(set(run.invoice_ids.mapped("amount_untaxed")), {120.0})
