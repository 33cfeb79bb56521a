"""What people click, in a real browser."""

from datetime import date

from odoo import Command
from odoo.tests import HttpCase, tagged


@tagged("post_install", "-at_install")
class TestBrowser(HttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company = cls.env.company
        cls.company.use_billing = True
        cls.company.billing_min_amount = 0.0  # what is left of a quarter may be small, and would wait
        cls.customer = cls.env["res.partner"].create({"name": "Tour Customer", "is_company": True})
        account = cls.env["res.partner.bank"].create({"partner_id": cls.customer.id, "acc_number": "TOUR-1"})
        cls.env["account.banking.mandate"].create(
            {"partner_bank_id": account.id, "signature_date": "2025-01-01", "state": "valid"}
        )
        cls.env["product.product"].create(
            {
                "name": "Tour Internet",
                "type": "service",
                "subscribable": True,
                "list_price": 40.0,
                "billing_price_cycle": "month",
                "categ_id": cls.env.ref("bfocused_billing.categ_connectivity").id,
                "taxes_id": [Command.set(cls.company.account_sale_tax_id.ids)],
            }
        )

    def test_a_subscription_made_by_hand_is_billed_in_the_web_client(self):
        self.start_tour(
            "/odoo/action-subscription_oca.sale_subscription_action/new",
            "bfocused_billing_subscription_by_hand",
            login="admin",
        )
        subscription = self.customer.subscription_ids
        self.assertEqual(subscription.date_start, date.today())
        self.assertEqual(subscription.payment_mode_id, self.company.billing_payment_mode_id)
        run = self.env["bfocused.billing.run"].create({"date": date.today()})
        self.start_tour(
            f"/odoo/action-bfocused_billing.billing_run_action/{run.id}", "bfocused_billing_month_turn", login="admin"
        )
        line = run.invoice_ids.invoice_line_ids
        self.assertEqual(line.subscription_line_id.sale_subscription_id, subscription)
        self.assertEqual(line.start_date, date.today())

    def test_bill_now_is_clicked_on_the_customer_in_dutch(self):
        self.env["res.lang"]._activate_lang("nl_NL")
        self.env.ref("base.user_admin").lang = "nl_NL"
        template = self.env.ref("bfocused_billing.cycle_month")
        product = self.env["product.product"].search([("name", "=", "Tour Internet")])
        subscription = self.env["sale.subscription"].create(
            {
                "partner_id": self.customer.id,
                "template_id": template.id,
                "pricelist_id": self.company._ensure_billing_pricelist(self.company.currency_id).id,
                "date_start": date.today(),
                "sale_subscription_line_ids": [Command.create({"product_id": product.id})],
            }
        )
        subscription._start_or_wait()
        self.start_tour(
            f"/odoo/action-base.action_partner_form/{self.customer.id}", "bfocused_billing_bill_now", login="admin"
        )
        run = self.env["bfocused.billing.run"].search([("scope_partner_ids", "in", self.customer.ids)])
        self.assertRecordValues(run, [{"state": "done", "is_scoped": True, "date": date.today()}])
        self.assertEqual(run.invoice_ids.invoice_line_ids.subscription_line_id.sale_subscription_id, subscription)
