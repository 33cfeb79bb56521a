from unittest.mock import patch

from odoo import Command, fields
from odoo.exceptions import UserError
from odoo.tests import tagged

from .common import day
from .sale_common import SaleBillingCase


@tagged("post_install", "-at_install")
class TestSaleBilling(SaleBillingCase):
    """Hours, delivered products and one-off lines of the month before, each once, so that the order stays right."""

    # === WHAT IS BILLED

    def test_hours_of_the_months_before_are_billed_and_linked_and_those_of_this_month_wait(self):
        order = self.make_order((self.hours, 10))
        old = self.log_hours(order, "2026-01-05", 2) | self.log_hours(order, "2026-01-31", 1)
        new = self.log_hours(order, "2026-02-01", 4)
        self.bill("2026-02-01")
        invoice = self.assert_billed(300.0)
        self.assertEqual(old.timesheet_invoice_id, invoice)
        self.assertFalse(new.timesheet_invoice_id)
        self.assertRecordValues(
            order.order_line,
            [{"qty_delivered": 7, "qty_invoiced": 3, "qty_to_invoice": 4, "invoice_status": "to invoice"}],
        )
        self.bill("2026-03-01")
        first, second = self.assert_billed(300.0, 400.0)
        self.assertEqual(new.timesheet_invoice_id, second)
        self.assertEqual(old.timesheet_invoice_id, first)
        self.assertEqual(order.order_line.qty_to_invoice, 0)

    def test_the_line_of_hours_says_from_when_to_when(self):
        order = self.make_order((self.hours, 10))
        self.log_hours(order, "2026-01-05", 2)
        self.log_hours(order, "2026-01-31", 1)
        self.bill("2026-02-01")
        line = self.get_invoices().invoice_line_ids
        self.assertEqual((line.start_date, line.end_date), (day("2026-01-05"), day("2026-01-31")))
        self.assertIn("5 januari 2026 t/m 31 januari 2026", line.name)

    def test_what_was_delivered_is_billed_and_the_rest_when_it_is(self):
        order = self.make_order((self.cable, 30))
        order.order_line.qty_delivered = 10
        self.bill("2026-02-01")
        self.assert_billed(100.0)
        order.order_line.qty_delivered = 30
        self.bill("2026-03-01")
        self.assert_billed(100.0, 200.0)
        self.assertEqual(order.invoice_status, "invoiced")

    def test_a_one_off_line_is_billed_as_ordered(self):
        order = self.make_order((self.switch, 2))
        self.bill("2026-02-01")
        invoice = self.assert_billed(400.0)
        self.assertEqual(invoice.invoice_line_ids.sale_line_ids, order.order_line)
        self.assertEqual(order.invoice_ids, invoice)
        self.assertEqual(order.invoice_status, "invoiced")

    def test_what_was_taken_back_is_given_back(self):
        order = self.make_order((self.cable, 30), self.switch)
        order.order_line[0].qty_delivered = 10
        self.bill("2026-02-01")
        order.order_line[0].qty_delivered = 4
        self.bill("2026-04-01")
        credit = order.invoice_ids.filtered(lambda move: move.move_type == "out_refund")
        self.assertEqual((credit.state, credit.amount_untaxed), ("posted", 60.0))
        self.assertEqual(self.get_sale_charges(order).mapped("amount_untaxed"), [100.0, 200.0, -60.0])
        self.assertEqual(order.order_line[0].qty_invoiced, 4)

    def test_hours_that_were_corrected_are_given_back_once(self):
        order = self.make_order((self.hours, 10))
        self.log_hours(order, "2026-01-12", 10)
        self.bill("2026-02-01")
        self.log_hours(order, "2026-02-03", -4)
        self.bill("2026-03-01")
        self.bill("2026-04-01")
        self.assertEqual(sum(self.get_sale_charges(order).mapped("amount_untaxed")), 600.0)
        self.assertEqual(order.order_line.qty_invoiced, 6.0)

    def test_a_correction_of_hours_that_were_credited_by_hand_gives_back_nothing_more(self):
        order = self.make_order((self.hours, 10))
        self.log_hours(order, "2026-01-12", 10)
        [invoice] = self.bill("2026-02-01").invoice_ids
        self.credit(invoice, quantity=4)
        self.log_hours(order, "2026-02-03", -4)
        self.bill("2026-03-01")
        self.assertEqual(order.order_line.qty_invoiced, 6.0)

    def test_a_subscription_line_is_its_subscriptions_and_the_rest_of_the_order_the_runs(self):
        order = self.make_order(self.internet, self.switch, subscription_start_date="2026-01-01")
        self.bill("2026-02-01")
        lines = self.get_invoices().invoice_line_ids
        self.assertEqual(len(lines), 2)
        self.assertEqual(lines.sale_line_ids.product_id, self.switch)
        self.assertEqual(lines.subscription_line_id.product_id, self.internet)
        self.assertEqual(order.order_line.mapped("qty_invoiced"), [0.0, 1.0])

    def test_a_discount_goes_with_the_rest_of_its_order_and_not_alone(self):
        order = self.make_order((self.hours, 5), confirm=False)
        wizard = self.env["sale.order.discount"].create(
            {"sale_order_id": order.id, "discount_type": "amount", "discount_amount": 50.0}
        )
        wizard.action_apply_discount()
        order.action_confirm()
        order.date_order = "2026-01-10 12:00:00"
        self.log_hours(order, "2026-02-02", 3)
        self.bill("2026-02-01")
        self.assertFalse(self.get_invoices())
        self.bill("2026-03-01")
        self.assert_billed(258.68)  # Odoo takes the amount with taxes

    def test_headings_and_notes_stay_on_the_order(self):
        self.make_order(
            self.switch,
            order_line=[
                Command.create({"display_type": "line_section", "name": "Hardware"}),
                Command.create({"product_id": self.switch.id}),
                Command.create({"display_type": "line_note", "name": "Fragile"}),
            ],
        )
        self.bill("2026-02-01")
        self.assertEqual(self.assert_billed(200.0).invoice_line_ids.mapped("display_type"), ["product"])

    def test_a_combo_is_invoiced_with_its_heading(self):
        combo = self.env["product.combo"].create(
            {"name": "Choice", "combo_item_ids": [Command.create({"product_id": self.switch.id})]}
        )
        product = self.env["product.product"].create(
            {"name": "Office set", "type": "combo", "combo_ids": [Command.set(combo.ids)], "list_price": 150.0}
        )
        order = self.make_order(confirm=False)
        heading = self.env["sale.order.line"].create({"order_id": order.id, "product_id": product.id})
        self.env["sale.order.line"].create(
            {
                "order_id": order.id,
                "product_id": self.switch.id,
                "combo_item_id": combo.combo_item_ids.id,
                "linked_line_id": heading.id,
                "price_unit": 150.0,
            }
        )
        order.action_confirm()
        order.date_order = "2026-01-10 12:00:00"
        self.bill("2026-02-01")
        lines = self.assert_billed(150.0).invoice_line_ids
        self.assertEqual(lines.mapped("display_type"), ["line_section", "product"])
        self.assertEqual(order.invoice_status, "invoiced")
        self.assertFalse(self.bill("2026-03-01").line_ids)

    # === WHICH ORDERS

    def test_an_order_of_this_month_waits_for_the_next(self):
        self.make_order(self.switch, date="2026-01-31 22:59:59")  # still January in Amsterdam
        late = self.make_order(self.switch, date="2026-01-31 23:00:00")
        self.bill("2026-02-20")
        self.assert_billed(200.0)
        self.assertFalse(late.invoice_ids)
        self.bill("2026-03-01")
        self.assert_billed(200.0, 200.0)

    def test_a_quotation_and_a_cancelled_order_are_not_billed(self):
        self.make_order(self.switch, confirm=False, date_order="2026-01-10 12:00:00")
        self.make_order(self.switch)._action_cancel()
        self.assertFalse(self.bill("2026-02-01").line_ids)

    def test_a_company_that_does_not_want_it_gets_nothing_of_it(self):
        order = self.make_order(self.switch)
        self.company.billing_orders = False
        self.assertFalse(self.bill("2026-02-01").line_ids)
        self.assertEqual(order.invoice_status, "to invoice")

    def test_it_is_on_where_billing_is_switched_on(self):
        company = self.env["res.company"].create({"name": "New"})
        self.assertFalse(company.billing_orders)
        company.use_billing = True
        self.assertTrue(company.billing_orders)

    def test_orders_of_before_the_first_day_are_left_to_be_invoiced_by_hand(self):
        self.company.billing_orders_from = "2026-01-10"
        old = self.make_order(self.switch, date="2026-01-09 22:59:59")
        self.make_order(self.cable, date="2026-01-09 23:00:00").order_line.qty_delivered = 8
        self.bill("2026-02-01")
        self.assert_billed(80.0)
        self.assertFalse(old.invoice_ids)

    def test_orders_of_another_company_are_not_touched(self):
        other = self.setup_other_company(name="Other")["company"]
        self.env.user.company_ids += other
        order = (
            self.env["sale.order"]
            .with_company(other)
            .create(
                {
                    "partner_id": self.customer.id,
                    "company_id": other.id,
                    "order_line": [Command.create({"product_id": self.switch.id})],
                }
            )
        )
        order.action_confirm()
        order.date_order = "2026-01-10 12:00:00"
        other.write({"use_billing": True})
        self.assertFalse(self.bill("2026-02-01").line_ids)
        self.assertEqual(order.invoice_status, "to invoice")
        self.assertFalse(order.invoice_ids)

    def test_a_product_sold_as_subscription_elsewhere_is_not_billed_a_second_time(self):
        order = self.make_order(self.switch)
        self.switch.subscribable = True
        order.order_line.subscription_template_id = False
        self.assertFalse(self.bill("2026-02-01").line_ids)

    # === ON WHICH INVOICE

    def test_orders_go_on_the_invoice_of_the_subscriptions(self):
        self.make_subscription(self.month, self.cloudbox, start="2026-02-01")
        order = self.make_order(self.switch, client_order_ref="PO 7")
        self.make_order(self.switch)
        run = self.bill("2026-02-01")
        invoice = self.assert_billed(430.0)
        self.assertEqual(run.line_ids.mapped("outcome"), ["invoiced"])
        self.assertIn(order.name, invoice.invoice_origin)
        self.assertIn("MAAND", invoice.invoice_origin)
        self.assertEqual(invoice.invoice_user_id, self.env.user)
        self.assertEqual(invoice.ref, "PO 7")
        self.assertTrue(invoice.mandate_id)

    def test_a_customer_can_have_orders_on_an_invoice_of_their_own(self):
        self.customer.billing_separate_orders = True
        self.make_subscription(
            self.month,
            self.internet,
            start="2026-02-01",
            sale_subscription_line_ids=[Command.create({"product_id": self.internet.id, "product_uom_qty": 5})],
        )
        self.make_order(self.switch)
        self.make_order(self.switch)
        self.bill("2026-02-01")
        invoices = self.get_invoices()
        self.assertEqual(len(invoices), 2)
        self.assertEqual(sorted(map(bool, (move.invoice_line_ids.sale_line_ids for move in invoices))), [False, True])
        self.assertIn(400.0, invoices.mapped("amount_untaxed"))

    def test_small_orders_of_their_own_wait_and_are_joined_by_orders_only(self):
        self.customer.billing_separate_orders = True
        self.make_subscription(self.month, self.cloudbox, start="2026-02-01")
        first = self.make_order((self.cable, 2))
        first.order_line.qty_delivered = 2
        self.bill("2026-02-01")
        waiting = first.invoice_ids
        self.assertEqual(waiting.deferral_state, "deferred")
        self.assertEqual(len(self.get_invoices()), 2)
        second = self.make_order((self.cable, 1), date="2026-02-10 12:00:00")
        second.order_line.qty_delivered = 1
        self.bill("2026-03-01")
        self.assertEqual(second.invoice_ids, waiting)
        self.assertEqual((waiting.amount_untaxed, waiting.state), (30.0, "draft"))
        self.bill("2026-04-01")
        self.assertEqual(len(self.get_invoices()), 2)
        self.assertEqual(set(self.get_invoices().mapped("state")), {"posted"})

    def test_under_the_minimum_an_order_waits_and_is_joined_by_the_next(self):
        order = self.make_order((self.cable, 2))
        order.order_line.qty_delivered = 2
        run = self.bill("2026-02-01")
        self.assertEqual(run.line_ids.outcome, "deferred")
        self.assertFalse(self.bill("2026-02-01").line_ids)
        self.make_subscription(self.month, self.cloudbox, start="2026-03-01")
        self.bill("2026-03-01")
        self.assertEqual(self.get_invoices().amount_untaxed, 50.0)
        self.bill("2026-04-01")
        self.assert_billed(80.0)
        self.assertEqual(self.get_sale_charges(order).state, "billed")

    def test_a_waiting_order_paid_by_transfer_is_joined_too(self):
        self.customer.customer_payment_mode_id = self.make_transfer_mode()
        orders = self.make_order((self.cable, 2)) | self.make_order((self.cable, 2), date="2026-02-10 12:00:00")
        orders.order_line.qty_delivered = 2
        self.bill("2026-02-01")
        self.bill("2026-03-01")
        self.assertEqual(self.get_invoices().amount_untaxed, 40.0)
        self.assertEqual(orders.invoice_ids, self.get_invoices())

    def test_an_order_in_another_currency_has_an_invoice_of_its_own(self):
        self.make_subscription(
            self.month,
            self.internet,
            start="2026-02-01",
            sale_subscription_line_ids=[Command.create({"product_id": self.internet.id, "product_uom_qty": 5})],
        )
        dollar = self.env.ref("base.USD")
        dollar.active = True
        self.env["res.currency.rate"].create(
            {"currency_id": dollar.id, "name": "2026-01-01", "company_rate": 2.0, "company_id": self.company.id}
        )
        pricelist = self.env["product.pricelist"].create({"name": "Dollar", "currency_id": dollar.id})
        order = self.make_order(self.switch, pricelist_id=pricelist.id)
        self.bill("2026-02-01")
        self.assertEqual(len(self.get_invoices()), 2)
        self.assertRecordValues(
            order.invoice_ids, [{"currency_id": dollar.id, "amount_untaxed": order.amount_untaxed, "state": "posted"}]
        )
        self.assertEqual(order.invoice_ids.amount_untaxed_signed, order.amount_untaxed / 2)

    def test_the_orders_own_mandate_is_used_as_long_as_it_is_usable(self):
        order = self.make_order(self.switch, payment_mode_id=self.company.billing_payment_mode_id.id)
        chosen = order.mandate_id
        newest = self.make_mandate(self.customer, signature_date="2026-01-20")
        self.assertTrue(chosen)
        self.assertNotEqual(chosen, newest)
        self.assertEqual(order._get_billing_mandate(), chosen)
        chosen.cancel()
        self.bill("2026-02-01")
        self.assertEqual(order.invoice_ids.mandate_id, newest)

    def test_what_is_not_debited_has_the_term_that_was_agreed(self):
        term = self.env.ref("account.account_payment_term_30days")
        order = self.make_order(self.switch, payment_mode_id=self.make_transfer_mode().id, payment_term_id=term.id)
        debited = self.make_order(self.switch, payment_term_id=term.id)
        self.bill("2026-02-01")
        self.assertEqual(order.invoice_ids.invoice_payment_term_id, term)
        self.assertFalse(order.invoice_ids.mandate_id)
        self.assertNotEqual(debited.invoice_ids.invoice_payment_term_id, term)

    # === HELD

    def test_without_a_mandate_orders_to_be_collected_are_held_and_billed_once_there_is_one(self):
        customer = self.make_customer("Zonder", with_mandate=False)
        customer.customer_payment_mode_id = self.company.billing_payment_mode_id
        order = self.make_order(self.switch, customer=customer)
        run = self.bill("2026-02-01")
        self.assertEqual(run.line_ids.outcome, "held")
        self.assertIn("No direct-debit mandate", run.line_ids.message)
        self.assertEqual(run.line_ids.amount_untaxed, 200.0)
        self.assertEqual(order.invoice_status, "to invoice")
        self.make_mandate(customer)
        run.action_retry()
        self.assertEqual(order.invoice_status, "invoiced")

    def test_only_subscriptions_need_a_mandate(self):
        customer = self.make_customer("Zonder", with_mandate=False)
        order = self.make_order(self.switch, customer=customer)
        self.bill("2026-02-01")
        self.assertRecordValues(order.invoice_ids, [{"state": "posted", "payment_mode_id": False, "mandate_id": False}])

    def test_an_order_paid_online_is_left_to_its_own_invoice_and_the_others_are_billed(self):
        provider = self.env["payment.provider"].sudo().create({"name": "Online", "company_id": self.company.id})
        method = self.env["payment.method"].sudo().create({"name": "iDEAL", "code": "test_ideal"})
        paid, other = self.make_order(self.switch), self.make_order((self.cable, 9))
        other.order_line.qty_delivered = 9
        self.env["payment.transaction"].sudo().create(
            {
                "provider_id": provider.id,
                "payment_method_id": method.id,
                "amount": paid.amount_total,
                "currency_id": paid.currency_id.id,
                "partner_id": paid.partner_id.id,
                "reference": paid.name,
                "sale_order_ids": [Command.set(paid.ids)],
                "state": "pending",
            }
        )
        run = self.bill("2026-02-01")
        self.assertEqual(sorted(run.line_ids.mapped("outcome")), ["held", "invoiced"])
        self.assertIn("paid online", run.line_ids.filtered(lambda line: line.outcome == "held").message)
        self.assertFalse(paid.invoice_ids)
        self.assert_billed(90.0)

    def test_an_order_in_a_currency_without_rate_is_held(self):
        dollar = self.env.ref("base.USD")
        dollar.active = True
        dollar.rate_ids.unlink()
        pricelist = self.env["product.pricelist"].create({"name": "Dollar", "currency_id": dollar.id})
        self.make_order(self.switch, pricelist_id=pricelist.id)
        run = self.bill("2026-02-01")
        self.assertEqual(run.line_ids.outcome, "held")
        self.assertIn("No exchange rate of USD", run.line_ids.message)

    def test_what_was_sold_of_a_product_that_left_the_range_is_billed(self):
        self.make_order(self.switch)
        self.switch.active = False
        self.bill("2026-02-01")
        self.assert_billed(200.0)

    def test_a_broken_order_does_not_stop_the_others(self):
        broken, sound = self.make_order(self.switch), self.make_order((self.cable, 9))
        sound.order_line.qty_delivered = 9
        lines = self.env.registry["sale.order.line"]
        original = lines._prepare_invoice_line

        reason = "This line is broken"

        def prepare(line, **values):
            if line.order_id == broken:
                raise UserError(reason)
            return original(line, **values)

        with patch.object(lines, "_prepare_invoice_line", prepare):
            run = self.bill("2026-02-01", may_fail=True)
        self.assertEqual(sorted(run.line_ids.mapped("outcome")), ["held", "invoiced"])
        self.assertIn(reason, run.line_ids.mapped("message"))
        self.assert_billed(90.0)
        run.action_retry()
        self.assert_billed(90.0, 200.0)

    def test_the_settings_form_switches_orders_on_with_billing(self):
        self.company.write({"use_billing": False, "billing_orders": False})
        settings = self.env["res.config.settings"].new({"company_id": self.company.id})
        settings.use_billing = True
        settings._onchange_use_billing()
        self.assertTrue(settings.billing_orders)

    def test_dates_are_of_the_run(self):
        self.make_order(self.switch)
        self.bill("2026-02-01")
        self.assertEqual(self.get_invoices().invoice_date, fields.Date.to_date("2026-02-01"))
