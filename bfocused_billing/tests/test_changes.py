from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import Form

from .common import BillingCase, day


@freeze_time("2026-02-10")
class TestChanges(BillingCase):
    """Changes within a period: the rest is credited and the new rest charged, to the cent, with the next invoice."""

    def setUp(self):
        super().setUp()
        self.subscription = self.make_subscription(self.quarter, self.internet)
        self.line = self.subscription.sale_subscription_line_ids

    def bill_at(self, text):
        with freeze_time(text):
            return self.bill(text)

    def get_last(self, move_type="out_invoice"):
        domain = [("move_type", "=", move_type), ("commercial_partner_id", "=", self.customer.id)]
        return self.env["account.move"].search(domain, order="id desc", limit=1)

    def get_amounts(self, move):
        lines = move.invoice_line_ids.sorted("id")
        return [(str(line.start_date), str(line.end_date), line.price_subtotal) for line in lines]

    def change(self, line, text, **values):
        return line._change(day(text), values, "Test")

    def test_a_higher_price_credits_the_rest_and_charges_the_new_rest_with_the_next_invoice(self):
        self.bill_at("2026-01-01")
        self.change(self.line, "2026-02-10", price_unit=180)
        self.bill_at("2026-04-01")
        self.assertEqual(
            self.get_amounts(self.get_last()),
            [
                ("2026-02-10", "2026-03-31", -66.67),
                ("2026-02-10", "2026-03-31", 100.0),
                ("2026-04-01", "2026-06-30", 180.0),
            ],
        )
        kinds = self.get_last().invoice_line_ids.charge_ids.sorted("move_line_id").mapped("kind")
        self.assertEqual(sorted(kinds), ["adjustment", "adjustment", "subscription"])

    def test_a_change_to_the_same_terms_costs_nothing_on_balance(self):
        for text in ("2026-01-17", "2026-02-28", "2026-03-31"):
            with self.subTest(text):
                subscription = self.make_subscription(self.quarter, self.internet, customer=self.make_customer(text))
                self.bill_at("2026-01-01")
                self.change(subscription.sale_subscription_line_ids, text)
                self.bill_at("2026-04-01")
                moves = subscription._get_invoices()
                self.assertEqual(round(sum(moves.mapped("amount_untaxed")), 2), 240)

    def test_several_changes_in_one_period(self):
        self.bill_at("2026-01-01")
        second = self.change(self.line, "2026-02-01", product_uom_qty=2)
        third = self.change(second, "2026-03-01", product_uom_qty=3)
        self.bill_at("2026-04-01")
        self.assertEqual(third.predecessor_id.predecessor_id, self.line)
        # 31 days of one, 28 of two, 31 of three: what January's invoice lacked, and the new quarter
        total = sum(self.subscription._get_invoices().mapped("amount_untaxed"))
        self.assertAlmostEqual(total, 120 * (31 + 56 + 93) / 90 + 360, delta=0.02)

    def test_a_change_of_days_that_are_not_billed_yet_credits_nothing(self):
        self.bill_at("2026-01-01")
        self.change(self.line, "2026-04-01", price_unit=150)
        self.bill_at("2026-04-01")
        self.assertEqual(self.get_amounts(self.get_last()), [("2026-04-01", "2026-06-30", 150.0)])

    def test_days_credited_by_hand_are_not_due_any_more(self):
        self.bill_at("2026-01-01")
        self.subscription.date = "2026-02-10"
        self.assertEqual(self.line.next_billing_date, day("2026-02-10"))
        invoice = self.get_last()
        wizard = self.env["account.move.reversal"].with_context(active_model="account.move", active_ids=invoice.ids)
        reversal = wizard.create({"journal_id": invoice.journal_id.id})
        reversal.refund_moves()
        reversal.new_move_ids.action_post()
        self.assertFalse(self.line.next_billing_date)
        self.assertFalse(self.bill_at("2026-03-01").line_ids)

    def test_a_part_credited_by_hand_leaves_the_rest_to_be_credited(self):
        self.bill_at("2026-01-01")
        invoice = self.get_last()
        wizard = self.env["account.move.reversal"].with_context(active_model="account.move", active_ids=invoice.ids)
        reversal = wizard.create({"journal_id": invoice.journal_id.id})
        reversal.refund_moves()
        reversal.new_move_ids.invoice_line_ids.price_unit = 100
        reversal.new_move_ids.action_post()
        self.subscription.date = "2026-02-10"
        self.bill_at("2026-03-01")
        self.assertEqual(self.get_last("out_refund").amount_untaxed, 20.0)

    def test_no_more_is_given_back_than_was_billed(self):
        self.bill_at("2026-01-01")
        invoice = self.get_last()
        wizard = self.env["account.move.reversal"].with_context(active_model="account.move", active_ids=invoice.ids)
        reversal = wizard.create({"journal_id": invoice.journal_id.id})
        reversal.refund_moves()
        reversal.new_move_ids.invoice_line_ids.price_unit = 100
        reversal.new_move_ids.action_post()
        self.subscription.date = "2026-03-01"
        self.bill_at("2026-03-01")
        self.assertEqual(self.get_last("out_refund").amount_untaxed, 20.0)
        self.subscription.date = "2026-02-01"
        self.assertFalse(self.bill_at("2026-03-02").line_ids)

    def test_an_earlier_end_gives_back_the_rest_as_a_credit_note(self):
        self.bill_at("2026-01-01")
        self.subscription.date = "2026-02-10"
        run = self.bill_at("2026-03-01")
        credit = self.get_last("out_refund")
        self.assertRecordValues(credit, [{"state": "posted", "amount_untaxed": 66.67, "payment_mode_id": False}])
        self.assertRecordValues(
            run.line_ids, [{"move_id": credit.id, "amount_untaxed": -66.67, "amount_total": -80.67}]
        )
        self.assertEqual(credit.invoice_line_ids.charge_ids.amount_untaxed, -66.67)
        self.assertFalse(self.bill_at("2026-04-01").line_ids)

    def test_an_end_that_is_withdrawn_bills_the_credited_days_again(self):
        self.bill_at("2026-01-01")
        self.subscription.date = "2026-02-10"
        self.bill_at("2026-02-10")
        self.subscription.date = False
        self.bill_at("2026-02-11")
        self.assertEqual(self.get_amounts(self.get_last()), [("2026-02-10", "2026-03-31", 66.67)])
        self.subscription.date = "2026-03-01"
        self.bill_at("2026-03-01")
        self.assertEqual(self.get_last("out_refund").amount_untaxed, 41.33)
        self.assertFalse(self.bill_at("2026-03-01").line_ids)

    def test_credits_are_netted_before_the_minimum_is_tested(self):
        self.bill_at("2026-01-01")
        self.line.date_end = "2026-03-01"  # gives back 41.33
        self.make_subscription(self.month, self.cloudbox, self.cloudbox, start="2026-03-01")  # 60
        run = self.bill_at("2026-03-01")
        self.assertRecordValues(run.line_ids, [{"outcome": "deferred", "amount_untaxed": 18.67}])

    def test_a_credit_is_set_off_against_what_waits(self):
        self.make_subscription(self.month, self.cloudbox, start="2026-02-01", date="2026-03-01")
        self.bill_at("2026-01-01")
        self.bill_at("2026-02-01")
        self.line.date_end = "2026-03-25"  # gives back 9.33
        self.bill_at("2026-03-25")
        self.assertRecordValues(self.get_last(), [{"state": "draft", "amount_untaxed": 20.67}])
        self.assertFalse(self.get_last("out_refund"))

    def test_a_deleted_credit_comes_back_with_the_next_run(self):
        self.bill_at("2026-01-01")
        self.subscription.date = "2026-02-10"
        self.bill_at("2026-02-10")
        credit = self.get_last("out_refund")
        credit.button_draft()
        credit.unlink()
        self.bill_at("2026-02-11")
        self.assertEqual(self.get_last("out_refund").amount_untaxed, 66.67)

    def test_an_invoice_of_which_a_part_was_credited_can_not_be_cancelled(self):
        self.bill_at("2026-01-01")
        invoice = self.get_last()
        self.subscription.date = "2026-02-10"
        self.bill_at("2026-02-10")
        invoice.button_draft()
        with self.assertRaisesRegex(UserError, "Cancel that first"):
            invoice.button_cancel()
        with self.assertRaisesRegex(UserError, "Cancel that first"):
            invoice.invoice_line_ids.unlink()

    def test_what_gave_back_days_that_were_billed_again_stays(self):
        self.bill_at("2026-01-01")
        self.subscription.date = "2026-02-10"
        self.bill_at("2026-02-10")
        credit = self.get_last("out_refund")
        self.subscription.date = False
        self.bill_at("2026-02-11")
        credit.button_draft()
        with self.assertRaisesRegex(UserError, "was billed again on"):
            credit.button_cancel()
        with self.assertRaisesRegex(UserError, "was billed again on"):
            credit.unlink()

    def test_a_cancelled_invoice_comes_back_only_where_nothing_took_its_place(self):
        self.bill_at("2026-01-01")
        invoice = self.get_last()
        invoice.button_draft()
        invoice.button_cancel()
        invoice.button_draft()
        self.assertFalse(self.bill_at("2026-01-01").line_ids.filtered(lambda row: row.outcome != "deferred"))
        invoice.button_cancel()
        self.bill_at("2026-01-02")
        with self.assertRaisesRegex(UserError, "was billed again on"):
            invoice.button_draft()

    def test_a_cancelled_credit_does_not_come_back_for_days_that_are_not_billed_any_more(self):
        self.bill_at("2026-01-01")
        invoice = self.get_last()
        self.subscription.date = "2026-02-10"
        self.bill_at("2026-02-10")
        credit = self.get_last("out_refund")
        for move in credit, invoice:
            move.button_draft()
            move.button_cancel()
        with self.assertRaisesRegex(UserError, "isn't billed any more"):
            credit.button_draft()

    def test_what_was_credited_by_hand_is_not_credited_again(self):
        self.bill_at("2026-01-01")
        self.get_last()._reverse_moves(cancel=True)
        self.subscription.date = "2026-02-10"
        self.assertFalse(self.bill_at("2026-02-10").line_ids)

    def test_another_cycle_ends_here_and_goes_on_there(self):
        subscription = self.make_subscription(self.month, self.cloudbox, customer=self.make_customer("Cloud"))
        line = subscription.sale_subscription_line_ids
        self.bill_at("2026-02-01")
        wizard = self.env["bfocused.subscription.change"].create(
            {"line_id": line.id, "date": "2026-02-15", "template_id": self.quarter.id}
        )
        self.assertEqual(wizard.price_unit, 90)
        target = self.env["sale.subscription"].browse(wizard.action_apply()["res_id"])
        self.assertRecordValues(subscription, [{"date": day("2026-02-15")}])
        self.assertRecordValues(target, [{"template_id": self.quarter.id, "in_progress": True}])
        self.bill_at("2026-03-01")
        move = target.sale_subscription_line_ids.move_line_ids.move_id
        self.assertEqual(
            self.get_amounts(move),
            [("2026-02-15", "2026-02-28", -15.0), ("2026-02-15", "2026-03-31", 45.0)],
        )

    def test_the_wizard_refuses_a_change_that_changes_nothing(self):
        wizard = self.env["bfocused.subscription.change"].create({"line_id": self.line.id})
        with self.assertRaisesRegex(UserError, "Nothing is different"):
            wizard.action_apply()

    def open_wizard(self):
        return Form(self.env["bfocused.subscription.change"].with_context(default_line_id=self.line.id))

    def test_the_wizard_keeps_an_agreed_or_typed_price_for_another_quantity(self):
        self.line.price_unit = 110
        form = self.open_wizard()
        form.quantity = 5
        self.assertEqual(form.price_unit, 110)
        form.price_unit = 105
        form.quantity = 10
        self.assertEqual(form.price_unit, 105)

    def test_a_new_rule_for_prices_holds_for_orders_subscriptions_and_changes(self):
        products = self.env.registry["product.template"]
        usual = products._get_price_per_cycle

        def get_price_per_cycle(product, list_price, template, *, quantity, **facts):
            price = usual(product, list_price, template, quantity=quantity, **facts)
            return price * (0.5 if quantity >= 10 else 1)

        self.patch(products, "_get_price_per_cycle", get_price_per_cycle)
        form = self.open_wizard()
        form.quantity = 9
        self.assertEqual(form.price_unit, 120)
        form.quantity = 10
        self.assertEqual(form.price_unit, 60)
        line = {"product_id": self.internet.id, "product_uom_qty": 10}
        subscription = self.line.sale_subscription_id.copy({"sale_subscription_line_ids": [Command.create(line)]})
        self.assertEqual(subscription.sale_subscription_line_ids.price_unit, 60)
        order = self.env["sale.order"].create({"partner_id": self.customer.id, "order_line": [Command.create(line)]})
        self.assertEqual(order.order_line.price_unit, 60)

    def test_an_upgrade_has_the_price_of_the_other_product(self):
        faster = self.make_product("Internet 1 Gbit", "connectivity", 60.0, billing_price_cycle="month")
        self.bill_at("2026-01-01")
        wizard = self.env["bfocused.subscription.change"].create({"line_id": self.line.id, "date": "2026-03-01"})
        wizard.product_id = faster
        self.assertEqual(wizard.price_unit, 180)
        wizard.action_apply()
        self.bill_at("2026-04-01")
        self.assertEqual(
            self.get_amounts(self.get_last()),
            [
                ("2026-03-01", "2026-03-31", -41.33),
                ("2026-03-01", "2026-03-31", 62.0),
                ("2026-04-01", "2026-06-30", 180.0),
            ],
        )


@freeze_time("2026-01-15")
class TestBillAgain(BillingCase):
    """A credit note frees its periods when the user asks for it, and only then."""

    def setUp(self):
        super().setUp()
        self.subscription = self.make_subscription(self.quarter, self.internet)
        self.bill("2026-01-01")
        self.invoice = self.get_invoices()

    def reverse(self, **values):
        wizard = (
            self.env["account.move.reversal"]
            .with_context(active_model="account.move", active_ids=self.invoice.ids)
            .create({"journal_id": self.invoice.journal_id.id, **values})
        )
        self.assertTrue(wizard.has_charges)
        wizard.reverse_moves()
        return wizard.new_move_ids

    def test_without_asking_nothing_is_billed_again(self):
        self.reverse().action_post()
        self.assertFalse(self.bill("2026-01-15").line_ids)

    def test_bill_again_frees_the_period_once_the_credit_note_is_posted(self):
        credit = self.reverse(bill_again=True)
        self.assertFalse(self.bill("2026-01-15").line_ids)
        credit.action_post()
        self.bill("2026-01-15")
        self.assertEqual(self.get_invoices().mapped("amount_untaxed"), [120, 120])
        self.assertFalse(self.bill("2026-01-15").line_ids)

    def test_a_credit_note_that_was_billed_again_stays(self):
        credit = self.reverse(bill_again=True)
        credit.action_post()
        self.bill("2026-01-15")
        with self.assertRaisesRegex(UserError, "was billed again on"):
            credit.button_draft()

    def test_bill_again_needs_the_whole_amount(self):
        credit = self.reverse(bill_again=True)
        credit.invoice_line_ids.price_unit = 60
        with self.assertRaisesRegex(UserError, "credited whole"):
            credit.action_post()

    def test_a_credit_note_reset_before_the_next_run_takes_its_period_back(self):
        credit = self.reverse(bill_again=True)
        credit.action_post()
        credit.button_draft()
        self.assertFalse(self.bill("2026-01-15").line_ids)

    @freeze_time("2026-04-02")
    def make_invoice_with_its_own_credit(self):
        """Days billed on a draft that waited, of which a part was given back on the same draft."""
        customer = self.make_customer("Kapper")
        subscription = self.make_subscription(self.month, self.cloudbox, customer=customer, start="2026-02-01")
        self.bill("2026-02-01")
        subscription.date = "2026-02-15"
        self.bill("2026-03-01")
        self.bill("2026-04-01")
        self.invoice = self.get_invoices(customer)
        self.assertEqual(self.invoice.invoice_line_ids.sorted("id").mapped("price_subtotal"), [30.0, -15.0])
        return customer

    @freeze_time("2026-04-02")
    def test_an_invoice_that_gave_back_its_own_days_is_billed_again_without_them(self):
        customer = self.make_invoice_with_its_own_credit()
        self.reverse(bill_again=True).action_post()
        self.bill("2026-04-02")
        again = self.get_invoices(customer) - self.invoice
        self.assertEqual(again.invoice_line_ids.mapped("price_subtotal"), [15.0])

    def test_its_own_credit_can_not_be_left_out_when_it_is_billed_again(self):
        self.make_invoice_with_its_own_credit()
        credit = self.reverse(bill_again=True)
        credit.invoice_line_ids.filtered(lambda line: line.price_subtotal < 0).unlink()
        with self.assertRaisesRegex(UserError, "was credited before"):
            credit.action_post()
