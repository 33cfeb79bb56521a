from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user

from .common import BillingCase


class TestSecurity(BillingCase):
    """Who may see and do what; each rule once from the wrong side."""

    def setUp(self):
        super().setUp()
        self.subscription = self.make_subscription(self.quarter, self.internet)
        self.run_done = self.bill("2026-01-01")
        self.charge = self.subscription.sale_subscription_line_ids.charge_ids

    def make_user(self, login, groups, company=None, **values):
        company = company or self.company
        return new_test_user(
            self.env(su=True), login, groups=groups, company_id=company.id, company_ids=[(6, 0, company.ids)], **values
        )

    def read_added(self, records):
        """Reads what the add-on added to a model, as far as it is open to the user."""
        added = [name for name in records.fields_get() if "bfocused_billing" in records._fields[name]._modules]
        return added and records.read(added)

    def test_a_billing_user_previews_runs_and_reads_the_ledger(self):
        user = self.make_user("biller", "bfocused_billing.group_billing_user")
        other = self.make_customer("Second")
        self.make_subscription(self.quarter, self.internet, customer=other)
        run = self.env["bfocused.billing.run"].with_user(user).create({"date": "2026-01-01"})
        run.action_preview()
        self.assertEqual(run.line_ids.outcome, "invoiced")
        run.action_run()
        self.assertEqual(self.get_invoices(other).state, "posted")
        self.charge.with_user(user).read(["amount_untaxed"])

    def test_nobody_edits_the_ledger(self):
        user = self.make_user("manager", "bfocused_billing.group_billing_manager")
        with self.assertRaises(AccessError):
            self.charge.with_user(user).write({"period_end": "2027-01-01"})
        with self.assertRaises(AccessError):
            self.charge.with_user(user).unlink()

    def test_nobody_edits_what_a_run_did(self):
        user = self.make_user("manager", "bfocused_billing.group_billing_manager")
        run = self.run_done.with_user(user)
        with self.assertRaises(AccessError):
            run.write({"state": "draft"})
        with self.assertRaises(AccessError):
            run.line_ids.write({"amount_untaxed": 1})
        with self.assertRaises(AccessError):
            run.line_ids.unlink()
        with self.assertRaises(UserError):
            run.unlink()
        preview = run.create({"date": "2026-04-01"})
        preview.action_preview()
        preview.unlink()

    def test_a_salesperson_without_billing_rights_sees_subscriptions_but_no_runs_or_charges(self):
        user = self.make_user("seller", "sales_team.group_sale_salesman_all_leads")
        subscription = self.subscription.with_user(user)
        subscription.web_read({"recurring_next_date": {}, "payment_mode_id": {}, "sale_subscription_line_ids": {}})
        subscription.sale_subscription_line_ids.read(["next_billing_date", "date_start"])
        for record in (self.run_done, self.charge):
            with self.assertRaises(AccessError):
                record.with_user(user).read(["display_name"])

    def test_a_salesperson_can_make_and_start_a_subscription(self):
        user = self.make_user("seller", "sales_team.group_sale_salesman_all_leads")
        order = (
            self.env["sale.order"]
            .with_user(user)
            .create({"partner_id": self.customer.id, "order_line": [(0, 0, {"product_id": self.cloudbox.id})]})
        )
        order.action_confirm()
        self.assertTrue(order.subscription_ids.in_progress)

    def test_who_may_read_a_product_customer_or_invoice_may_read_what_billing_adds_to_it(self):
        internal = self.make_user("colleague", "base.group_user")
        for record in (self.internet, self.internet.product_tmpl_id, self.internet.categ_id, self.customer):
            self.assertTrue(self.read_added(record.with_user(internal)))
        invoicing = self.make_user("bookkeeper", "account.group_account_invoice")
        invoice = self.get_invoices(self.customer)
        order = self.env["sale.order"].create(
            {"partner_id": self.customer.id, "order_line": [(0, 0, {"product_id": self.cloudbox.id})]}
        )
        order.action_confirm()
        for record in (invoice, invoice.line_ids, self.customer, self.internet, order, order.order_line):
            self.assertTrue(self.read_added(record.with_user(invoicing)))
        seller = self.make_user("seller", "sales_team.group_sale_salesman_all_leads")
        for record in (self.subscription, self.subscription.sale_subscription_line_ids, order, order.order_line):
            self.assertTrue(self.read_added(record.with_user(seller)))

    def test_a_user_of_another_company_sees_nothing(self):
        company = self.env["res.company"].create({"name": "Other"})
        user = self.make_user("stranger", "bfocused_billing.group_billing_manager", company)
        for record in (self.run_done, self.run_done.line_ids, self.charge, self.subscription):
            self.assertFalse(record.with_user(user).search([("id", "in", record.ids)]))
            with self.assertRaises(AccessError):
                record.with_user(user).read(["display_name"])

    def test_a_portal_user_sees_no_runs_and_no_charges(self):
        partner = self.make_customer("Portal", with_mandate=False)
        user = self.make_user("portal_user", "base.group_portal", partner_id=partner.id)
        for record in (self.run_done, self.run_done.line_ids, self.charge):
            with self.assertRaises(AccessError):
                record.with_user(user).read(["display_name"])

    def test_only_a_manager_imports(self):
        user = self.make_user("biller", "bfocused_billing.group_billing_user")
        with self.assertRaises(AccessError):
            self.env["bfocused.billing.import"].with_user(user).create({})
