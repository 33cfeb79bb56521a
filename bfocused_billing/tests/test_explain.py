from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import AccessError
from odoo.tests import Form, new_test_user

from .common import day
from .explain_common import ExplainCase
from .usage_common import UsageCase


@freeze_time("2026-01-10")
class TestExplainSubscription(ExplainCase):
    """On each invoice line: why it is there, and the sum of the explanation equals the line."""

    def setUp(self):
        super().setUp()
        self.subscription = self.make_subscription(self.quarter, self.internet)
        self.line = self.subscription.sale_subscription_line_ids

    def get_line(self, index=-1, move_type="out_invoice"):
        domain = [("commercial_partner_id", "=", self.customer.id), ("move_type", "=", move_type)]
        return self.env["account.move"].search(domain, order="id").invoice_line_ids.sorted("id")[index]

    def test_a_whole_period_is_its_quantity_times_its_price(self):
        self.line.product_uom_qty = 3
        self.bill("2026-01-01")
        line = self.get_line()
        self.assertEqual(self.get_amounts(line), [("cycle", 360)])
        (label,) = self.get_labels(line, "cycle")
        self.assertEqual(label, "1 January 2026 to 31 March 2026 (90 days): 3 × €\xa0120.00")
        self.assertIn(self.subscription.display_name, self.get_labels(line, "subscription")[0])

    def test_discount_is_told_apart(self):
        self.line.write({"product_uom_qty": 3, "discount": 12.5})
        self.bill("2026-01-01")
        self.assertEqual(self.get_amounts(self.get_line()), [("cycle", 360), ("discount", -45)])
        self.assertEqual(self.get_labels(self.get_line(), "discount"), ["Discount 12.5%"])

    def bill_part(self, price, start, stop):
        """The invoice line of the days from ``start`` up to ``stop`` of a month."""
        subscription = self.make_subscription(
            self.month, self.cloudbox, start=start, date=stop, customer=self.make_customer(f"{start} {price}")
        )
        subscription.sale_subscription_line_ids.price_unit = price
        self.bill_at(start)
        return subscription.sale_subscription_line_ids.move_line_ids

    def test_a_part_tells_its_share_by_day(self):
        line = self.bill_part(100, "2026-03-02", "2026-03-04")
        # of 31 days: 3.23 up to the 2nd and 9.68 up to the 4th, so 6.45, which two days alone come to as well
        self.assertEqual(self.get_amounts(line), [("cycle", 100), ("days", -93.55)])
        self.assertEqual(
            self.get_labels(line, "days"), ["Only 2 of the 31 days: 2 March 2026 to 3 March 2026 (2 days)"]
        )

    def test_the_rounding_of_the_running_totals_is_a_part_of_its_own(self):
        line = self.bill_part(100, "2026-03-03", "2026-03-04")
        # 6.45 up to the 3rd and 9.68 up to the 4th, so 3.23; the day alone: 3.2258, which is 3.23
        self.assertEqual(self.get_amounts(line), [("cycle", 100), ("days", -96.77)])
        line = self.bill_part(100, "2026-03-04", "2026-03-05")
        # 9.68 up to the 4th and 12.90 up to the 5th, so 3.22
        self.assertEqual(self.get_amounts(line), [("cycle", 100), ("days", -96.77), ("rounding", -0.01)])
        self.assertEqual(
            self.get_labels(line, "rounding"),
            ["Rounding, so that all parts of the period come to €\xa0100.00 together"],
        )

    def test_a_change_is_told_with_its_day_its_terms_and_its_reason(self):
        self.bill("2026-01-01")
        second = self.line._change(day("2026-02-10"), {"price_unit": 180}, "Faster line")
        second._change(day("2026-03-01"), {"product_uom_qty": 2}, "")
        self.bill_at("2026-04-01")
        line = self.get_line()
        self.assertEqual(
            self.get_labels(line, "change"),
            [
                "Changed from 10 February 2026: price €\xa0120.00 → €\xa0180.00 (Faster line)",
                "Changed from 1 March 2026: quantity 1 → 2",
            ],
        )
        self.assertEqual(self.get_labels(line, "kind"), ["Subscription: a period that wasn't billed before."])
        (rest,) = second.move_line_ids
        self.assertIn("Adjustment", self.get_labels(rest, "kind")[0])

    def test_a_credit_says_of_which_invoice_and_why(self):
        self.bill("2026-01-01")
        invoice = self.get_line().move_id
        self.line._change(day("2026-02-10"), {"price_unit": 180}, "Faster line")
        self.bill_at("2026-04-01")
        (credit,) = self.line.move_line_ids.filtered("is_billing_credit")
        self.assertEqual(self.get_amounts(credit), [("cycle", -120), ("days", 53.33)])
        self.assertIn(invoice.name, self.get_labels(credit, "kind")[0])
        self.assertIn("price €\xa0120.00 → €\xa0180.00", self.get_labels(credit, "change")[0])
        (before,) = self.get_labels(credit, "round")
        self.assertIn(f"Billed on {invoice.display_name}: €\xa0120.00", before)
        (after,) = self.get_labels(self.line.move_line_ids - credit, "credited_later")
        self.assertIn("€\xa066.67 for 10 February 2026 to 31 March 2026", after)

    def test_on_a_credit_note_the_parts_have_the_sign_of_its_lines(self):
        self.bill("2026-01-01")
        self.subscription.date = "2026-02-10"
        self.bill_at("2026-02-10")
        line = self.get_line(move_type="out_refund")
        self.assertEqual(self.get_amounts(line), [("cycle", 120), ("days", -53.33)])
        self.assertIn("10 February 2026 is the first day that isn't billed", self.get_labels(line, "change")[0])

    def test_days_that_are_billed_again_tell_how_often_they_were_billed_and_credited(self):
        self.bill("2026-01-01")
        self.subscription.date = "2026-02-10"
        self.bill_at("2026-02-10")
        self.subscription.date = False
        self.bill_at("2026-02-11")
        line = self.get_line()
        self.assertEqual(self.get_labels(line, "kind"), ["These days were billed and credited before (1×)."])
        billed, credited = self.get_labels(line, "round")
        self.assertTrue(billed.startswith("Billed on"))
        self.assertTrue(credited.startswith("Credited on"))

    def test_a_change_by_hand_is_a_part_of_its_own(self):
        self.bill("2026-01-01")
        line = self.get_line()
        line.move_id.button_draft()
        line.price_unit = 117
        self.assertEqual(self.get_amounts(line), [("cycle", 120), ("manual", -3)])
        self.assertEqual(self.get_labels(line, "manual"), ["Changed by hand: the line now says 1 × €\xa0117.00"])
        line.write({"quantity": 2, "discount": 50})
        self.assertEqual(self.get_amounts(line), [("cycle", 120), ("manual", -3)])
        line.write({"price_unit": 120, "discount": 50})
        self.assertEqual(self.get_amounts(line), [("cycle", 120)])

    def test_the_credit_of_a_line_that_was_changed_by_hand_follows_what_the_customer_paid(self):
        self.bill("2026-01-01")
        line = self.get_line()
        line.move_id.button_draft()
        line.price_unit = 90
        line.move_id.action_post()
        self.subscription.date = "2026-02-10"
        self.bill_at("2026-02-10")
        self.assertEqual(self.get_amounts(self.get_line(move_type="out_refund")), [("cycle", 90), ("days", -40)])

    def test_what_a_credit_note_gave_back_before_is_not_given_back_again(self):
        self.bill("2026-01-01")
        reversal = self.get_line().move_id._reverse_moves()
        reversal.invoice_line_ids.price_unit = 100
        reversal.action_post()
        self.subscription.date = "2026-02-10"
        self.bill_at("2026-02-10")
        line = self.get_line(move_type="out_refund")
        self.assertEqual(self.get_amounts(line), [("cycle", 120), ("days", -53.33), ("credited", -46.67)])

    def test_a_price_that_includes_vat_shows_what_is_vat(self):
        self.include_tax(self.internet)
        subscription = self.make_subscription(
            self.quarter, self.internet, start="2026-02-10", customer=self.make_customer("Incl")
        )
        self.bill_at("2026-03-01")
        line = subscription.sale_subscription_line_ids.move_line_ids
        self.assertEqual(self.get_amounts(line), [("cycle", 120), ("days", -53.33), ("tax", -11.57)])

    def test_terms_that_change_later_do_not_change_the_explanation(self):
        self.bill("2026-01-01")
        before = self.explain(self.get_line())
        self.line.write({"price_unit": 500, "product_uom_qty": 9, "discount": 10})
        self.assertEqual(self.explain(self.get_line()), before)

    def test_charges_from_before_terms_were_remembered_are_explained_by_the_price_of_the_cycle(self):
        self.subscription.sale_subscription_line_ids.date_start = "2026-02-10"
        self.bill_at("2026-03-01")
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE bfocused_billing_charge SET base_amount = NULL, due_amount = NULL, drafted_amount = NULL,"
            " cycle_quantity = NULL, cycle_price_unit = NULL, cycle_discount = NULL"
        )
        self.env.invalidate_all()
        self.assertEqual(self.get_amounts(self.get_line()), [("cycle", 120), ("days", -53.33)])

    def test_runs_that_held_failed_or_deferred_it_are_told_with_their_reason(self):
        customer = self.make_customer("Late", with_mandate=False)
        subscription = self.make_subscription(self.month, self.cloudbox, customer=customer, start="2026-02-01")
        self.make_run("2026-02-01").action_preview()
        run = self.bill_at("2026-02-01")
        with freeze_time("2026-02-02"):
            run.action_retry()
            self.make_mandate(customer)
            run.action_retry()
        line = subscription.sale_subscription_line_ids.move_line_ids
        waiting = [(part.kind, part.label, part.note) for part in self.explain(line) if part.section == "waiting"]
        reason = "No direct-debit mandate. Ask Late to sign one."
        label = "Billing run of 1 February 2026: held"
        self.assertEqual(waiting[:2], [("held", label, reason)] * 2)
        self.assertEqual([kind for kind, _label, _note in waiting[2:]], ["deferred", "deferred"])
        self.bill_at("2026-04-01")
        self.assertEqual(line.move_id.state, "posted")
        self.assertIn("waited until 1 April 2026", self.get_labels(line, "released")[0])
        april = max(subscription.sale_subscription_line_ids.move_line_ids, key=lambda line: line.start_date)
        self.assertFalse(self.get_labels(april, "held"))

    def test_the_explanation_is_in_the_readers_language(self):
        self.bill("2026-01-01")
        labels = self.get_labels(self.get_line().with_context(lang="nl_NL"), "cycle")
        self.assertEqual(labels[0].count("januari"), 1)

    def test_a_moved_cycle_is_told(self):
        line = self.make_subscription(
            self.month, self.cloudbox, customer=self.make_customer("Cloud")
        ).sale_subscription_line_ids
        self.bill("2026-01-01")
        wizard = self.env["bfocused.subscription.change"].create(
            {"line_id": line.id, "date": "2026-02-01", "template_id": self.quarter.id}
        )
        target = self.env["sale.subscription"].browse(wizard.action_apply()["res_id"])
        self.bill_at("2026-04-01")
        label = self.get_labels(target.sale_subscription_line_ids.move_line_ids[:1], "change")[0]
        self.assertIn(f"billing cycle {self.month.name} → {self.quarter.name}", label)


class TestExplainOthers(ExplainCase):
    """Every other kind of line says where it comes from."""

    def make_invoice(self, **values):
        return self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": self.customer.id,
                "invoice_line_ids": [
                    Command.create({"product_id": self.router.id, "quantity": 2, "price_unit": 99, **values})
                ],
            }
        )

    def test_a_line_that_was_entered_says_by_whom(self):
        line = self.make_invoice(discount=10).invoice_line_ids
        self.assertEqual(self.get_amounts(line), [("price", 198), ("discount", -19.8)])
        self.assertIn(self.env.user.name, self.get_labels(line, "entered")[0])

    def test_a_line_of_an_order_tells_the_order_and_what_was_changed_since(self):
        order = self.env["sale.order"].create(
            {
                "partner_id": self.customer.id,
                "order_line": [Command.create({"product_id": self.router.id, "product_uom_qty": 2})],
            }
        )
        order.action_confirm()
        line = order._create_invoices().invoice_line_ids
        self.assertEqual(self.get_amounts(line), [("price", 198)])
        self.assertIn(order.name, self.get_labels(line, "order")[0])
        line.price_unit = 90
        self.assertEqual(self.get_amounts(line), [("price", 198), ("manual", -18)])

    def test_a_credit_note_tells_what_it_gives_back_and_what_was_changed(self):
        self.make_subscription(self.quarter, self.internet)
        self.bill("2026-01-01")
        invoice = self.get_invoices()
        credit = invoice._reverse_moves().invoice_line_ids
        self.assertEqual(self.get_amounts(credit), [("refund", 120)])
        self.assertIn(invoice.name, self.get_labels(credit, "refund")[0])
        self.assertTrue(self.get_labels(credit, "subscription"))
        credit.price_unit = 100
        self.assertEqual(self.get_amounts(credit), [("refund", 120), ("manual", -20)])

    def test_a_period_that_is_billed_again_after_a_credit_note_says_so(self):
        self.make_subscription(self.quarter, self.internet)
        self.bill("2026-01-01")
        invoice = self.get_invoices()
        credit = invoice._reverse_moves()
        credit._bill_again()
        self.assertTrue(self.get_labels(credit.invoice_line_ids, "again"))
        credit.action_post()
        self.bill("2026-01-01")
        again = (self.get_invoices() - invoice).invoice_line_ids
        (label,) = self.get_labels(again, "round")
        self.assertIn(f"credited by {credit.name}", label)

    def test_a_price_that_includes_vat_is_split_for_any_line(self):
        self.include_tax(self.router)
        line = self.make_invoice().invoice_line_ids
        line.tax_ids = self.router.taxes_id
        line.price_unit = 99
        self.assertEqual(self.get_amounts(line), [("price", 198), ("tax", -34.36)])

    def test_a_charge_of_which_nothing_is_known_is_explained_by_its_amount(self):
        line = self.make_invoice().invoice_line_ids
        self.env["bfocused.billing.charge"].sudo().create(
            {
                "company_id": self.company.id,
                "currency_id": line.currency_id.id,
                "kind": "sale",
                "partner_id": self.customer.id,
                "period_start": "2026-01-01",
                "period_end": "2026-01-31",
                "move_line_id": line.id,
            }
        )
        self.assertEqual(self.get_amounts(line), [("charge", 198)])


class TestExplainScreen(ExplainCase):
    """The button on the invoice line, and who may press it."""

    def setUp(self):
        super().setUp()
        self.make_subscription(self.quarter, self.internet, start="2026-02-10")
        with freeze_time("2026-03-01"):
            self.bill("2026-03-01")
        self.line = self.get_invoices().invoice_line_ids

    def test_the_screen_shows_parts_that_add_up_and_the_background(self):
        action = self.line.action_explain_billing()
        explanation = self.env["bfocused.billing.explanation"].browse(action["res_id"])
        self.assertEqual(explanation.amount_ids.mapped("amount_text"), ["€\xa0120.00", "€\xa0-\ufeff53.33"])
        self.assertAlmostEqual(sum(explanation.amount_ids.mapped("amount")), explanation.booked_amount, 6)
        self.assertEqual(set(explanation.fact_ids.mapped("section")), {"terms"})
        with Form(explanation) as form:
            self.assertEqual(len(form.amount_ids), 2)
        subscription = explanation.fact_ids.filtered(lambda row: row.kind == "subscription")
        self.assertEqual(subscription.action_open()["res_id"], self.line.subscription_line_id.sale_subscription_id.id)

    def test_only_saved_product_lines_of_customer_invoices_have_the_button(self):
        move = self.line.move_id
        self.assertTrue(self.line.is_explainable)
        self.assertFalse(any((move.line_ids - self.line).mapped("is_explainable")))
        self.assertFalse(self.env["account.move.line"].new({"display_type": "product"}).is_explainable)
        bill = self.init_invoice("in_invoice", products=self.router)
        self.assertFalse(any(bill.line_ids.mapped("is_explainable")))

    def test_a_company_without_billing_has_no_button(self):
        self.company.use_billing = False
        self.assertFalse(self.line.is_explainable)

    def test_billing_users_see_it_and_users_of_another_company_do_not(self):
        user = new_test_user(self.env, "explains", "bfocused_billing.group_billing_user", company_id=self.company.id)
        action = self.line.with_user(user).action_explain_billing()
        self.assertTrue(action["res_id"])
        arch = self.env["account.move"].with_user(user).get_view(view_type="form")["arch"]
        self.assertIn("action_explain_billing", arch)
        accountant = new_test_user(self.env, "accountant", "account.group_account_invoice", company_id=self.company.id)
        arch = self.env["account.move"].with_user(accountant).get_view(view_type="form")["arch"]
        self.assertNotIn("action_explain_billing", arch)
        other = self.env["res.company"].create({"name": "Other"})
        stranger = new_test_user(
            self.env,
            "stranger",
            "bfocused_billing.group_billing_user",
            company_id=other.id,
            company_ids=other.ids,
        )
        with self.assertRaises(AccessError):
            self.line.with_user(stranger)._explain_billing()


class TestExplainCalls(UsageCase, ExplainCase):
    """Calls: number, class, counts, minutes, their sum and its rounding, and the records behind it."""

    def test_calls_are_summed_before_they_are_rounded_and_can_be_opened(self):
        header = "number,dialled,started_at,seconds,amount,destination,call_id\n"
        calls = [f"0201234567,0612345678,2026-01-0{n} 10:00:00,61,0.123456,mobile,{n}\n" for n in range(1, 4)]
        self.load(header + "".join(calls))
        with freeze_time("2026-02-01"):
            self.bill("2026-02-01")
        line = self.get_invoices().invoice_line_ids
        self.assertEqual(line.price_subtotal, 0.37)
        self.assertEqual(self.get_amounts(line), [("calls", 0.370368), ("rounding", -0.000368)])
        (label,) = self.get_labels(line, "calls")
        self.assertIn("+31201234567", label)
        self.assertIn("3 calls, 3:03 min", label)
        explanation = self.env["bfocused.billing.explanation"].browse(line.action_explain_billing()["res_id"])
        self.assertEqual(explanation.amount_ids[0].amount_text, "€ 0.370368")
        action = explanation.amount_ids[0].action_open()
        records = self.env[action["res_model"]].search(action["domain"])
        self.assertEqual(len(records), 3)
        self.assertEqual(round(sum(records.mapped("amount")), 6), 0.370368)

    def test_calls_that_were_changed_by_hand(self):
        self.load(self.calls(2))
        with freeze_time("2026-02-01"):
            self.bill("2026-02-01")
        line = self.get_invoices().invoice_line_ids
        line.price_unit = 0.2
        self.assertEqual(self.get_amounts(line), [("calls", 0.24), ("manual", -0.04)])

    def test_calls_at_prices_that_include_vat(self):
        self.include_tax(self.calls_product)
        self.load(self.calls(5))
        with freeze_time("2026-02-01"):
            self.bill("2026-02-01")
        line = self.get_invoices().invoice_line_ids
        self.assertEqual(self.get_amounts(line), [("calls", 0.6)])
