from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import UserError, ValidationError
from odoo.tests import Form

from .common import BillingCase, day


class TestCatalogue(BillingCase):
    """R2: three cycles, each product group with those it allows, the cycle chosen per order line."""

    def make_order(self, *products, company=None, **values):
        return self.env["sale.order"].create(
            {
                "partner_id": self.customer.id,
                "company_id": (company or self.company).id,
                "order_line": [Command.create({"product_id": product.id}) for product in products],
                **values,
            }
        )

    def test_cloudbox_stands_in_two_cycles_and_the_first_is_proposed(self):
        self.assertEqual(self.cloudbox.billing_cycle_ids, self.month + self.quarter)
        line = self.make_order(self.cloudbox).order_line
        self.assertEqual(line.subscription_template_id, self.month)
        self.assertEqual(line.allowed_subscription_template_ids, self.month + self.quarter)

    def test_a_group_without_cycles_has_those_of_the_group_above(self):
        below = self.env["product.category"].create(
            {"name": "Fiber", "parent_id": self.env.ref("bfocused_billing.categ_connectivity").id}
        )
        self.internet.categ_id = below
        self.assertEqual(self.internet.billing_cycle_ids, self.quarter)

    def test_a_price_per_month_is_three_times_as_high_per_quarter(self):
        line = self.make_order(self.cloudbox).order_line
        self.assertEqual(line.price_unit, 30)
        line.subscription_template_id = self.quarter
        self.assertEqual(line.price_unit, 90)
        self.assertEqual(self.make_order(self.internet).order_line.price_unit, 120)

    def test_a_price_agreed_by_hand_stays_when_the_quantity_changes(self):
        line = self.make_order(self.cloudbox).order_line
        line.price_unit = 25
        line.product_uom_qty = 3
        self.assertEqual(line.price_unit, 25)

    def test_a_cycle_the_group_does_not_allow_is_refused(self):
        line = self.make_order(self.domain).order_line
        with self.assertRaisesRegex(ValidationError, "Domain can't be sold in the cycle Month. Possible cycles: Year"):
            line.subscription_template_id = self.month

    def test_an_order_can_not_be_confirmed_without_a_cycle(self):
        order = self.make_order(self.cloudbox)
        order.order_line.subscription_template_id = False
        with self.assertRaisesRegex(UserError, "Choose a billing cycle for Cloudbox"):
            order.action_confirm()

    def test_confirming_makes_one_subscription_per_cycle(self):
        order = self.make_order(
            self.cloudbox, self.internet, self.cloudbox, self.domain, self.router, subscription_start_date="2026-02-10"
        )
        order.order_line[2].subscription_template_id = self.quarter
        order.action_confirm()
        subscriptions = order.subscription_ids.sorted("template_id")
        self.assertRecordValues(
            subscriptions,
            [
                {"template_id": self.month.id, "date_start": day("2026-02-10"), "in_progress": True},
                {"template_id": self.quarter.id, "date_start": day("2026-02-10"), "in_progress": True},
                {"template_id": self.year.id, "date_start": day("2026-02-10"), "in_progress": True},
            ],
        )
        self.assertEqual(subscriptions[1].sale_subscription_line_ids.mapped("price_unit"), [120, 90])
        self.assertEqual(subscriptions.company_id, self.company)

    def test_subscription_lines_are_not_invoiceable_on_the_order_and_one_off_lines_are(self):
        order = self.make_order(self.cloudbox, self.router)
        order.action_confirm()
        self.assertRecordValues(
            order.order_line,
            [
                {"qty_to_invoice": 0, "invoice_status": "no", "amount_to_invoice": 0, "untaxed_amount_to_invoice": 0},
                {
                    "qty_to_invoice": 1,
                    "invoice_status": "to invoice",
                    "amount_to_invoice": 119.79,
                    "untaxed_amount_to_invoice": 99,
                },
            ],
        )
        invoice = order._create_invoices()
        self.assertEqual(invoice.invoice_line_ids.product_id, self.router)

    def test_confirming_again_makes_no_second_subscription(self):
        order = self.make_order(self.cloudbox)
        order.action_confirm()
        order._action_cancel()
        order.action_draft()
        order.action_confirm()
        self.assertEqual(len(order.subscription_ids), 1)

    def test_what_the_order_agreed_is_what_is_billed(self):
        order = self.make_order(self.cloudbox, subscription_start_date="2026-01-01")
        order.order_line.write({"name": "Werkplek balie", "price_unit": 27.5, "discount": 10, "product_uom_qty": 2})
        order.action_confirm()
        self.bill("2026-01-01")
        line = self.get_invoices().invoice_line_ids
        self.assertEqual(line.name, "Werkplek balie\n1 januari 2026 t/m 31 januari 2026")
        self.assertEqual(line.price_subtotal, 49.5)

    def test_the_form_offers_the_cycles_of_the_group(self):
        form = Form(self.env["sale.order"].with_company(self.company))
        form.partner_id = self.customer
        with form.order_line.new() as line:
            line.product_id = self.cloudbox
            self.assertEqual(line.subscription_template_id, self.month)
            line.subscription_template_id = self.quarter
        self.assertEqual(form.save().order_line.price_unit, 90)

    def test_a_product_added_to_a_confirmed_order_becomes_a_subscription(self):
        order = self.make_order(self.router)
        order.action_confirm()
        order.order_line = [Command.create({"product_id": self.cloudbox.id})]
        self.assertEqual(order.subscription_ids.sale_subscription_line_ids.product_id, self.cloudbox)

    def test_a_product_added_to_a_confirmed_order_is_billed_from_the_day_it_is_added(self):
        with freeze_time("2025-01-01"):
            order = self.make_order(self.cloudbox, subscription_start_date="2025-01-01")
            order.action_confirm()
        with freeze_time("2026-02-10"):
            order.order_line = [Command.create({"product_id": self.internet.id})]
        added = order.subscription_ids.filtered(lambda subscription: subscription.template_id == self.quarter)
        self.assertEqual(added.date_start, day("2026-02-10"))

    def test_a_product_added_before_the_subscriptions_of_its_order_start_starts_with_them(self):
        with freeze_time("2026-02-10"):
            order = self.make_order(self.cloudbox, subscription_start_date="2026-03-01")
            order.action_confirm()
            order.order_line = [Command.create({"product_id": self.internet.id})]
        self.assertEqual(order.subscription_ids.mapped("date_start"), [day("2026-03-01")] * 2)

    # === WHAT ENDED STAYS ENDED

    def make_ended_order(self, end="2026-03-01"):
        """An order of 1 January whose subscription ended on 1 March, and that subscription."""
        with freeze_time("2026-01-01"):
            order = self.make_order(self.cloudbox, subscription_start_date="2026-01-01")
            order.action_confirm()
        ended = order.subscription_ids
        with freeze_time(end):
            ended.close_subscription()
        return order, ended

    def test_a_product_added_to_an_order_does_not_start_an_ended_subscription_again(self):
        for is_closed in (True, False):
            with self.subTest(is_closed=is_closed), freeze_time("2026-01-01"):
                order = self.make_order(self.cloudbox, subscription_start_date="2026-01-01")
                order.action_confirm()
                ended = order.subscription_ids
                if not is_closed:
                    ended.date = "2026-02-15"
            with freeze_time("2026-03-10"):
                if is_closed:
                    ended.close_subscription()
                else:
                    ended.cron_subscription_management()
                    self.assertEqual(ended.stage_type, "post")
                order.order_line = [Command.create({"product_id": self.internet.id})]
            added = order.subscription_ids - ended
            self.assertEqual(added.sale_subscription_line_ids.product_id, self.internet)

    def test_a_product_added_to_an_order_does_not_make_a_deleted_subscription_again(self):
        with freeze_time("2026-01-01"):
            order = self.make_order(self.cloudbox)
            order.action_confirm()
            order.subscription_ids.unlink()
            order.order_line = [Command.create({"product_id": self.internet.id})]
        self.assertEqual(order.subscription_ids.sale_subscription_line_ids.product_id, self.internet)

    def test_confirming_again_does_not_start_an_ended_subscription_and_says_so(self):
        order, ended = self.make_ended_order()
        with freeze_time("2026-03-10"):
            order._action_cancel()
            order.action_draft()
            order.order_line = [Command.create({"product_id": self.internet.id})]
            order.action_confirm()
        added = order.subscription_ids - ended
        self.assertEqual(added.sale_subscription_line_ids.product_id, self.internet)
        self.assertIn("sell it again by a new line", order.message_ids[0].body)
        self.assertIn(self.cloudbox.name, order.message_ids[0].body)

    def test_what_ended_is_sold_again_by_a_new_line(self):
        order, ended = self.make_ended_order()
        with freeze_time("2026-03-10"):
            order.order_line = [Command.create({"product_id": self.cloudbox.id})]
        again = order.subscription_ids - ended
        self.assertRecordValues(again, [{"date_start": day("2026-03-10"), "in_progress": True}])
        self.assertEqual(again.sale_subscription_line_ids.sale_order_line_id, order.order_line[1])

    def test_a_line_whose_subscription_ended_is_not_changed_but_sold_anew(self):
        order, _ended = self.make_ended_order()
        with self.assertRaisesRegex(UserError, "has ended. Sell it again by a new line"):
            order.order_line.product_uom_qty = 5

    def test_a_copy_of_an_order_whose_subscription_ended_is_a_sale_of_its_own(self):
        order, ended = self.make_ended_order()
        with freeze_time("2026-03-10"):
            copy = order.copy()
            copy.action_confirm()
        self.assertRecordValues(copy.subscription_ids, [{"date_start": day("2026-03-10"), "in_progress": True}])
        self.assertEqual(order.subscription_ids, ended)

    def test_a_line_of_a_confirmed_order_that_gets_a_subscription_product_is_one(self):
        with freeze_time("2026-01-01"):
            order = self.make_order(self.router)
            order.action_confirm()
            order.order_line.product_id = self.cloudbox
        self.assertEqual(order.subscription_ids.sale_subscription_line_ids.product_id, self.cloudbox)

    def test_a_running_subscription_is_changed_there_and_not_on_its_order(self):
        order = self.make_order(self.cloudbox)
        order.action_confirm()
        with self.assertRaisesRegex(UserError, "runs as subscription .* Change it there"):
            order.order_line.product_uom_qty = 5

    def test_a_subscription_product_without_any_cycle_can_not_be_sold(self):
        self.cloudbox.categ_id = self.env["product.category"].create({"name": "No cycles"})
        with self.assertRaisesRegex(UserError, "its product category has no billing cycle"):
            self.make_order(self.cloudbox).action_confirm()

    def test_no_down_payment_on_subscriptions(self):
        order = self.make_order(self.cloudbox)
        order.action_confirm()
        wizard = self.env["sale.advance.payment.inv"].create(
            {"sale_order_ids": order.ids, "advance_payment_method": "percentage", "amount": 50}
        )
        with self.assertRaisesRegex(UserError, "No down payment"):
            wizard.create_invoices()

    def test_cancelling_an_order_says_which_subscriptions_go_on(self):
        order = self.make_order(self.cloudbox)
        order.action_confirm()
        order._action_cancel()
        self.assertIn("go on until you close them", order.message_ids[0].body)

    def test_a_category_that_gets_its_cycles_later_prices_by_its_default_cycle(self):
        category = self.env["product.category"].create({"name": "Later"})
        product = self.make_product("Later", "cloudbox", 30, categ_id=category.id)
        category.billing_cycle_ids = self.month + self.quarter
        line = self.make_order(product).order_line
        line.subscription_template_id = self.quarter
        self.assertEqual(line.price_unit, 90)

    def test_the_cycle_of_a_template_in_use_is_fixed(self):
        self.make_subscription(self.month, self.cloudbox)
        with self.assertRaisesRegex(UserError, "its cycle is fixed"):
            self.month.billing_cycle = "quarter"

    # === COMPANIES

    def test_a_new_company_is_untouched(self):
        company = self.env["res.company"].create({"name": "Untouched"})
        self.assertFalse(company.use_billing)
        self.assertEqual(company.billing_min_amount, 0)
        self.assertFalse(company.billing_payment_mode_id)
        self.env.user.company_ids += company
        line = self.make_order(self.cloudbox, company=company).order_line
        self.assertFalse(line.subscription_template_id)
        self.assertEqual(line.price_unit, 30)

    def test_switching_on_sets_the_published_values(self):
        company = self.env["res.company"].create({"name": "New"})
        company.use_billing = True
        self.assertRecordValues(
            company,
            [
                {
                    "billing_min_amount": 50,
                    "billing_min_amount_base": "total",
                    "billing_deferral_release": "quarter",
                    "billing_day": 1,
                    "billing_auto": False,
                }
            ],
        )
        self.assertEqual(company.billing_payment_mode_id.payment_method_id.code, "sepa_direct_debit")

    def test_switching_on_in_the_settings_shows_and_saves_the_published_values(self):
        company = self.env["res.company"].create({"name": "New", "currency_id": self.company.currency_id.id})
        self.env.user.company_ids += company
        settings = self.env["res.config.settings"].with_company(company).create({})
        settings.use_billing = True
        settings._onchange_use_billing()
        self.assertEqual(settings.billing_min_amount, 50)
        settings.execute()
        self.assertTrue(company.use_billing)
        self.assertEqual(company.billing_min_amount, 50)

    def test_saving_the_settings_neither_warns_of_nor_archives_the_price_list_of_subscriptions(self):
        self.env["product.pricelist"].search([]).active = False
        company = self.env["res.company"].create({"name": "New", "use_billing": True})
        pricelist = company._ensure_billing_pricelist(company.currency_id)
        self.env.user.company_ids += company
        settings = self.env["res.config.settings"].with_company(company).create({})
        self.assertFalse(settings.group_product_pricelist)
        self.assertFalse(settings._onchange_group_sale_pricelist())
        settings.execute()
        self.assertEqual(company._ensure_billing_pricelist(company.currency_id), pricelist)

    def test_a_value_given_while_switching_on_wins(self):
        company = self.env["res.company"].create({"name": "New", "use_billing": True, "billing_min_amount": 25})
        self.assertEqual(company.billing_min_amount, 25)

    def test_a_payment_mode_without_mandate_is_refused(self):
        with self.assertRaisesRegex(ValidationError, "Transfer is not a direct-debit payment mode"):
            self.company.billing_payment_mode_id = self.make_transfer_mode()

    def test_a_billing_day_that_not_every_month_has_is_refused(self):
        with self.assertRaisesRegex(ValidationError, "from 1 to 28"):
            self.company.billing_day = 31
