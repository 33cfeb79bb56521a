from freezegun import freeze_time

from odoo import Command

from .common import BillingCase, day


@freeze_time("2026-02-10")
class TestDeferralManual(BillingCase):
    """R5 for invoices that no run made, and what the customer, the law and the end of a subscription change."""

    def make_invoice(self, price=20.0, customer=None, **values):
        taxes = self.company_data["default_tax_sale"].ids
        line = {"product_id": self.router.id, "price_unit": price, "tax_ids": [Command.set(taxes)]}
        partner = customer or self.customer
        return self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": partner.id,
                "payment_mode_id": self.company.billing_payment_mode_id.id,
                "invoice_line_ids": [Command.create(line)],
                **values,
            }
        )

    def test_confirming_it_under_the_minimum_defers_it_and_says_until_when_and_why(self):
        invoice = self.make_invoice()
        action = invoice.action_post()
        self.assertRecordValues(
            invoice, [{"state": "draft", "billing_state": "deferred", "deferred_until": day("2026-04-01")}]
        )
        self.assertEqual(action["params"]["message"], invoice.deferral_reason)
        self.assertIn("1 April 2026", invoice.deferral_reason)
        self.assertIn("1 April 2026", invoice.message_ids[0].body)
        invoice.action_send_anyway()
        self.assertRecordValues(invoice, [{"state": "posted", "billing_state": "released"}])

    def test_confirming_many_defers_the_small_ones_and_posts_the_others(self):
        small, other, big = self.make_invoice(), self.make_invoice(), self.make_invoice(100)
        wizard = self.env["validate.account.move"].create({"move_ids": (small + other + big).ids})
        self.assertIn("2", wizard.validate_move()["params"]["message"])
        self.assertEqual((small + other + big).mapped("state"), ["draft", "draft", "posted"])

    def test_confirming_many_from_the_list_defers_the_small_ones_and_leaves_what_waits(self):
        small, big = self.make_invoice(), self.make_invoice(100)
        self.assertIs(big.action_post(), False)
        other = self.make_invoice(100)
        (small + other).action_validate_moves_with_confirmation()
        self.assertEqual((small + other).mapped("state"), ["draft", "posted"])
        self.assertEqual(small.action_validate_moves_with_confirmation()["tag"], "display_notification")
        self.assertEqual(small.state, "draft")

    def test_never_deferred_when_zero_or_negative_or_in_the_first_month_or_the_company_is_off(self):
        free, january = self.make_invoice(0), self.make_invoice(invoice_date="2026-01-15")
        (free + january).action_post()
        self.assertEqual((free + january).mapped("state"), ["posted", "posted"])
        self.company.use_billing = False
        off = self.make_invoice()
        off.action_post()
        self.assertEqual(off.state, "posted")

    def test_per_customer_exempt_or_always(self):
        self.customer.billing_deferral = "never"
        exempt = self.make_invoice()
        exempt.action_post()
        self.assertEqual(exempt.state, "posted")
        self.customer.billing_deferral = "always"
        waiting = self.make_invoice(1000)
        waiting.action_post()
        self.assertEqual(waiting.billing_state, "deferred")
        self.assertIn("always", waiting.deferral_reason)

    def test_per_customer_exempt_or_always_in_the_run(self):
        other = self.make_customer("Slagerij", billing_deferral="always")
        self.customer.billing_deferral = "never"
        self.make_subscription(self.month, self.cloudbox, start="2026-02-01")
        self.make_subscription(self.month, self.internet, self.cloudbox, customer=other, start="2026-02-01")
        self.bill("2026-02-01")
        self.assertEqual(self.get_invoices().state, "posted")
        self.assertEqual(self.get_invoices(other).billing_state, "deferred")

    def test_an_invoice_from_an_order_is_deferred_and_keeps_its_order_at_the_quarter_turn(self):
        order = self.env["sale.order"].create(
            {
                "partner_id": self.customer.id,
                "payment_mode_id": self.company.billing_payment_mode_id.id,
                "order_line": [Command.create({"product_id": self.router.id, "price_unit": 10})],
            }
        )
        order.action_confirm()
        first, second = order._create_invoices(), self.make_invoice()
        self.make_subscription(self.month, self.cloudbox, start="2026-02-01")
        (first + second).action_post()
        self.assertEqual((first + second).mapped("billing_state"), ["deferred"] * 2)
        self.bill("2026-02-01")
        with freeze_time("2026-04-01"):
            self.bill("2026-04-01")
        posted = self.get_invoices().filtered(lambda move: move.state == "posted")
        self.assertEqual(len(posted), 1)
        self.assertFalse(self.get_invoices().filtered(lambda move: move.state == "draft"))
        self.assertEqual(order.order_line.invoice_lines.move_id & posted, posted)
        self.assertEqual((order.invoice_status, order.order_line.qty_invoiced), ("invoiced", 1))
        self.assertEqual(posted.invoice_line_ids.charge_ids.mapped("state"), ["billed"] * 3)

    def test_ending_the_last_subscription_releases_what_waits(self):
        subscription = self.make_subscription(self.month, self.cloudbox, start="2026-02-01")
        self.bill("2026-02-01")
        manual = self.make_invoice()
        manual.action_post()
        other = self.make_invoice(customer=self.make_customer("Never had one"))
        other.action_post()
        subscription.date = "2026-03-01"
        self.bill("2026-03-01")
        posted = self.get_invoices().filtered(lambda move: move.state == "posted")
        self.assertRecordValues(posted, [{"amount_untaxed": 50}])
        self.assertEqual(other.state, "draft")

    def test_each_charge_shows_its_nature_and_its_last_lawful_invoice_date(self):
        self.make_subscription(self.month, self.cloudbox, start="2026-02-01")
        self.bill("2026-02-01")
        continuing, separate = self.get_invoices(), self.make_invoice()
        separate.action_post()
        self.assertEqual(continuing.invoice_line_ids.supply_nature, "continuing")
        self.assertEqual(separate.invoice_line_ids.supply_nature, "separate")
        self.assertEqual((continuing + separate).mapped("last_invoice_date"), [day("2026-03-15")] * 2)
        separate.invoice_date = "2026-03-20"
        self.assertEqual(separate.last_invoice_date, day("2026-03-15"))

    def test_issue_it_now_and_hold_only_the_collection_until_the_quarter_batch(self):
        self.company.write({"billing_deferral_continuing": "issue", "billing_deferral_separate": "issue"})
        self.make_subscription(self.month, self.cloudbox, start="2026-02-01")
        self.bill("2026-02-01")
        self.make_invoice().action_post()
        expected = {"state": "posted", "billing_state": "released", "invoice_date_due": day("2026-04-01")}
        self.assertRecordValues(self.get_invoices(), [expected] * 2)

    def test_what_passes_its_date_is_on_a_list_and_warned_about_beforehand(self):
        invoice = self.make_invoice()
        invoice.action_post()
        self.env["account.move"]._cron_warn_deferred()
        self.assertFalse(invoice.activity_ids)
        with freeze_time("2026-03-02"):
            self.env["account.move"]._cron_warn_deferred()
            self.env["account.move"]._cron_warn_deferred()
        self.assertEqual(len(invoice.activity_ids), 1)
        self.assertEqual(invoice.activity_ids.date_deadline, day("2026-03-15"))
