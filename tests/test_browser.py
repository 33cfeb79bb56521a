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
