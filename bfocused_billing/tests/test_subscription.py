from unittest.mock import patch

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import UserError, ValidationError
from odoo.tests import Form

from .common import BillingCase, day


class TestSubscription(BillingCase):
    """Dates, changes and the traps of ``subscription_oca`` (T1-T9)."""

    def test_a_subscription_made_by_hand_is_billed_like_an_imported_one(self):
        form = Form(self.env["sale.subscription"].with_company(self.company))
        form.partner_id = self.customer
        form.template_id = self.quarter
        form.date_start = day("2026-02-10")
        with form.sale_subscription_line_ids.new() as line:
            line.product_id = self.internet
        by_hand = form.save()
        by_hand.action_start_subscription()
        other = self.make_customer("Imported")
        imported = self.make_subscription(self.quarter, self.internet, customer=other, start="2026-02-10")
        self.assertEqual(by_hand.date_start, imported.date_start)
        self.assertEqual(by_hand.payment_mode_id, imported.payment_mode_id)
        self.bill("2026-03-01")
        mine, theirs = self.get_invoices(), self.get_invoices(other)
        self.assertEqual(mine.amount_total, theirs.amount_total)
        self.assertEqual(self.get_periods(mine), [("2026-02-10", "2026-03-31")])

    def test_next_invoice_date_moves_with_what_is_billed(self):
        subscription = self.make_subscription(self.quarter, self.internet)
        self.assertEqual(subscription.recurring_next_date, day("2026-01-01"))
        self.bill("2026-01-01")
        self.assertEqual(subscription.recurring_next_date, day("2026-04-01"))

    @freeze_time("2026-05-20")
    def test_a_line_added_to_a_running_subscription_starts_today(self):
        subscription = self.make_subscription(self.quarter, self.internet)
        self.bill("2026-04-01")
        subscription.sale_subscription_line_ids = [Command.create({"product_id": self.internet.id})]
        self.assertEqual(subscription.sale_subscription_line_ids[1].date_start, day("2026-05-20"))

    def test_a_billed_start_date_or_cycle_can_not_be_changed(self):
        subscription = self.make_subscription(self.month, self.cloudbox)
        subscription.date_start = "2026-01-02"
        self.bill("2026-01-31")
        self.assertEqual(self.get_periods(self.get_invoices()), [("2026-01-02", "2026-01-31")])
        for values in ({"date_start": "2026-01-03"}, {"template_id": self.quarter.id}):
            with self.assertRaisesRegex(UserError, "is billed already, so its start date and cycle are fixed"):
                subscription.write(values)
        subscription.write({"date_start": "2026-01-02", "template_id": self.month.id})

    def test_a_billed_line_can_not_be_removed_but_ended(self):
        subscription = self.make_subscription(self.month, self.cloudbox, self.cloudbox)
        self.bill("2026-01-01")
        line = subscription.sale_subscription_line_ids[0]
        with self.assertRaisesRegex(ValidationError, "Give it an end date"):
            line.unlink()
        line.date_end = "2026-02-01"
        self.bill("2026-02-01")
        self.assertEqual(
            self.get_invoices()[1].invoice_line_ids.subscription_line_id, subscription.sale_subscription_line_ids[1]
        )

    def test_a_subscription_is_paid_by_direct_debit_only(self):
        mode = self.make_transfer_mode()
        with self.assertRaisesRegex(ValidationError, "a subscription is paid by direct debit"):
            self.make_subscription(self.month, self.cloudbox, payment_mode_id=mode.id)

    def test_a_line_starts_with_its_subscription_unless_it_says_otherwise(self):
        subscription = self.make_subscription(self.month, self.cloudbox, self.cloudbox, running=False)
        together, later = subscription.sale_subscription_line_ids
        later.date_start = "2026-06-01"
        subscription.date_start = "2026-01-02"
        self.assertEqual((together._get_start(), later._get_start()), (day("2026-01-02"), day("2026-06-01")))

    @freeze_time("2026-02-10")
    def test_closing_early_ends_today_whatever_the_finish_date_was(self):
        subscription = self.make_subscription(self.month, self.cloudbox, self.internet, date="2026-12-31")
        self.bill("2026-02-01")
        subscription.stage_id = self.env.ref("subscription_oca.subscription_stage_closed")
        self.assertEqual(subscription.date, day("2026-02-10"))
        with freeze_time("2026-05-01"):
            run = self.bill("2026-05-01")
        # 70 of February, and 120 of the quarter, of which 10 February and later are given back
        self.assertEqual(run.line_ids.outcome, "invoiced")
        credit = self.env["account.move"].search([("move_type", "=", "out_refund")])
        self.assertEqual(credit.invoice_line_ids.mapped("price_subtotal"), [20.36, 27.14])
        with freeze_time("2026-05-01"):
            self.assertFalse(self.bill("2026-05-01").line_ids)

    def test_reopening_is_possible_on_the_day_itself_only(self):
        subscription = self.make_subscription(self.month, self.cloudbox)
        with freeze_time("2026-02-01"):
            subscription.close_subscription()
            subscription.action_start_subscription()
            self.assertFalse(subscription.date)
            subscription.close_subscription()
        with freeze_time("2026-06-01"), self.assertRaisesRegex(UserError, "Make a new subscription"):
            subscription.action_start_subscription()

    def test_a_copy_does_not_run(self):
        subscription = self.make_subscription(self.month, self.cloudbox, code="AB-1")
        copy = subscription.copy()
        self.assertRecordValues(copy, [{"in_progress": False, "stage_type": "draft", "sale_order_id": False}])
        self.assertNotEqual(copy.code, "AB-1")

    def test_what_has_still_to_be_billed_can_not_be_archived(self):
        with self.assertRaisesRegex(ValidationError, "still to be billed"):
            self.make_subscription(self.month, self.cloudbox).active = False

    def test_a_subscription_made_in_progress_is_billed(self):
        stage = self.env.ref("subscription_oca.subscription_stage_in_progress")
        subscription = self.make_subscription(self.month, self.cloudbox, running=False, stage_id=stage.id)
        self.assertTrue(subscription.in_progress)
        self.bill("2026-01-01")
        self.assertTrue(self.get_invoices())

    def test_the_price_lists_price_is_billed_discounts_taken_off(self):
        pricelist = self.env["product.pricelist"].create(
            {
                "name": "Reseller",
                "sequence": 0,
                "item_ids": [
                    Command.create({"compute_price": "percentage", "percent_price": 30, "applied_on": "3_global"})
                ],
            }
        )
        subscription = self.make_subscription(self.quarter, self.internet, pricelist_id=pricelist.id)
        self.assertEqual(subscription.recurring_total, 84)
        self.assertNotEqual(self.company._ensure_billing_pricelist(self.company.currency_id), pricelist)

    def test_an_agreed_price_that_was_billed_survives_another_price_list(self):
        subscription = self.make_subscription(self.month, self.cloudbox)
        subscription.sale_subscription_line_ids.price_unit = 12.34
        self.bill("2026-01-01")
        subscription.pricelist_id = subscription.pricelist_id.copy()
        self.assertEqual(subscription.sale_subscription_line_ids.price_unit, 12.34)

    def test_what_is_billed_can_not_go_to_another_customer(self):
        other = self.make_customer("Taken over")
        subscription = self.make_subscription(self.month, self.cloudbox)
        subscription.partner_id = other
        subscription.partner_id = self.customer
        self.bill("2026-01-01")
        for values in ({"partner_id": other.id}, {"partner_invoice_id": other.id}):
            with self.assertRaisesRegex(UserError, "is billed to Bakkerij Jansen already.*start a new subscription"):
                subscription.write(values)

    def test_what_is_billed_can_go_to_another_address_of_the_customer(self):
        desk = self.make_customer("Desk", with_mandate=False, is_company=False, parent_id=self.customer.id)
        subscription = self.make_subscription(self.month, self.cloudbox)
        self.bill("2026-01-01")
        subscription.partner_invoice_id = desk
        subscription.partner_invoice_id = False
        subscription.write({"partner_id": desk.id, "partner_invoice_id": self.customer.id})
        self.assertEqual(subscription.partner_id, desk)

    def test_what_is_billed_can_not_go_on_in_another_currency(self):
        subscription = self.make_subscription(self.month, self.cloudbox)
        self.bill("2026-01-01")
        dollar = self.env.ref("base.USD")
        dollar.active = True
        with self.assertRaisesRegex(UserError, "is billed in EUR already, so it can't go on in USD"):
            subscription.pricelist_id = self.company._ensure_billing_pricelist(dollar)

    def test_another_cycle_is_another_price_unless_one_is_given(self):
        subscription = self.make_subscription(self.month, self.cloudbox)
        line = subscription.sale_subscription_line_ids
        subscription.template_id = self.quarter
        self.assertEqual(line.price_unit, 90)
        subscription.write(
            {
                "template_id": self.month.id,
                "sale_subscription_line_ids": [Command.update(line.id, {"price_unit": 12.34})],
            }
        )
        self.assertEqual(line.price_unit, 12.34)
        with Form(subscription) as form:
            form.template_id = self.quarter
        self.assertEqual(line.price_unit, 90)

    def test_without_billing_a_price_given_by_hand_survives_another_template(self):
        self.company.use_billing = False
        template = self.env["sale.subscription.template"].create({"name": "A"})
        subscription = self.make_subscription(template, self.cloudbox)
        line = subscription.sale_subscription_line_ids
        line.price_unit = 12.34
        subscription.template_id = template.copy()
        self.assertEqual(line.price_unit, 12.34)
        with Form(subscription) as form:
            form.template_id = template
        self.assertEqual(line.price_unit, 12.34)

    def test_without_billing_drafts_are_merged_as_ever(self):
        self.company.use_billing = False
        drafts = self.env["account.move"]
        for mode in self.make_transfer_mode(), self.make_transfer_mode():
            values = {"product_id": self.router.id, "tax_ids": []}
            drafts += drafts.create(
                {
                    "move_type": "out_invoice",
                    "company_id": self.company.id,
                    "partner_id": self.customer.id,
                    "payment_mode_id": mode.id,
                    "invoice_line_ids": [Command.create(values)],
                }
            )
        self.assertEqual(len(drafts.do_merge()), 1)

    def test_an_order_that_would_start_it_again_is_refused(self):
        subscription = self.make_subscription(self.month, self.cloudbox)
        with self.assertRaisesRegex(UserError, "invoiced by a billing run"):
            subscription.create_sale_order()

    def test_the_next_date_follows_from_what_is_billed_whatever_day_it_is_asked_for(self):
        subscription = self.make_subscription(self.month, self.cloudbox)
        subscription.calculate_recurring_next_date(day("2030-01-01"))
        self.assertEqual(subscription.recurring_next_date, day("2026-01-01"))

    def test_switching_off_leaves_every_running_subscription_a_next_date(self):
        subscription = self.make_subscription(self.month, self.cloudbox, self.internet, date="2026-02-01")
        self.bill("2026-01-01")
        self.assertFalse(subscription.recurring_next_date)
        self.company.use_billing = False
        self.assertEqual(subscription.recurring_next_date, day("2026-02-01"))

    # === TRAPS

    def test_t1_t6_only_the_run_makes_invoices(self):
        subscription = self.make_subscription(self.month, self.cloudbox)
        for make in (subscription.generate_invoice, subscription.manual_invoice, subscription.create_invoice):
            with self.assertRaisesRegex(UserError, "invoiced by a billing run"):
                make()

    def test_t1_a_mail_error_leaves_no_invoice_behind_because_posting_does_not_mail(self):
        self.quarter.invoicing_mode = "invoice_send"
        subscription = self.make_subscription(self.quarter, self.internet)
        sending = self.env.registry["account.move.send"]
        with patch.object(sending, "_generate_and_send_invoices", side_effect=UserError("mail server down")) as send:
            self.env["sale.subscription"].cron_subscription_management()
            self.assertFalse(self.get_invoices())
            self.bill("2026-01-01")
        send.assert_not_called()
        self.assertEqual(self.get_invoices().state, "posted")
        self.assertEqual(subscription.recurring_next_date, day("2026-04-01"))

    def test_t2_an_empty_date_does_not_stop_the_others(self):
        broken = self.make_subscription(self.month, self.cloudbox, customer=self.make_customer("Broken"))
        broken.sale_subscription_line_ids.date_start = False
        broken.date_start = False
        self.make_subscription(self.quarter, self.internet)
        run = self.bill("2026-01-01")
        self.assertTrue(self.get_invoices())
        held = run.line_ids.filtered(lambda line: line.outcome == "held")
        self.assertEqual(held.partner_id, broken.partner_id)
        self.assertIn("no start date", held.message)

    def test_a_running_subscription_without_billing_cycle_is_shown_as_held(self):
        template = self.env["sale.subscription.template"].create({"name": "Old"})
        self.make_subscription(template, self.cloudbox)
        run = self.bill("2026-01-01")
        self.assertEqual(run.line_ids.outcome, "held")
        self.assertIn("no billing cycle", run.line_ids.message)

    def test_t3_an_end_date_equal_to_the_next_date_bills_nothing_extra(self):
        subscription = self.make_subscription(self.quarter, self.internet, date="2026-04-01")
        self.bill("2026-01-01")
        self.assertFalse(subscription.recurring_next_date)
        self.bill("2026-04-01")
        self.assertEqual(self.get_periods(self.get_invoices()), [("2026-01-01", "2026-03-31")])

    def test_t4_a_change_of_stage_keeps_the_dates(self):
        subscription = self.make_subscription(self.quarter, self.internet, start="2026-02-10", running=False)
        with freeze_time("2026-06-15"):
            subscription.action_start_subscription()
        self.assertEqual(subscription.date_start, day("2026-02-10"))
        self.assertEqual(subscription.recurring_next_date, day("2026-02-10"))

    def test_t4_starting_keeps_the_finish_date(self):
        subscription = self.make_subscription(self.quarter, self.internet, date="2026-03-16")
        self.assertEqual(subscription.date, day("2026-03-16"))

    def test_t5_a_paused_subscription_is_held_and_its_periods_are_billed_when_it_resumes(self):
        subscription = self.make_subscription(self.month, self.cloudbox, self.cloudbox)
        subscription.action_pause()
        run = self.bill("2026-01-01")
        self.assertEqual(run.line_ids.outcome, "held")
        self.assertIn("is paused", run.line_ids.message)
        subscription.action_resume()
        self.bill("2026-02-01")
        self.assertEqual(
            self.get_periods(self.get_invoices()),
            [("2026-01-01", "2026-01-31")] * 2 + [("2026-02-01", "2026-02-28")] * 2,
        )

    def test_t7_the_run_sets_payment_mode_mandate_currency_and_term(self):
        older, newer = (
            self.make_mandate(self.customer, signature_date=signed) for signed in ("2025-01-01", "2025-12-01")
        )
        term = self.env.ref("account.account_payment_term_15days")
        self.company.billing_payment_term_id = term
        self.make_subscription(self.quarter, self.internet)
        self.bill("2026-01-01")
        move = self.get_invoices()
        self.assertNotEqual(older, newer)
        self.assertRecordValues(
            move,
            [
                {
                    "payment_mode_id": self.company.billing_payment_mode_id.id,
                    "mandate_id": newer.id,
                    "currency_id": self.company.currency_id.id,
                    "invoice_payment_term_id": term.id,
                    "invoice_date": day("2026-01-01"),
                    "invoice_date_due": day("2026-01-16"),
                }
            ],
        )

    def test_t7_without_a_term_the_invoice_is_due_on_its_date(self):
        self.make_subscription(self.quarter, self.internet)
        self.bill("2026-01-01")
        self.assertEqual(self.get_invoices().invoice_date_due, day("2026-01-01"))

    def test_t8_the_default_start_date_is_the_day_it_is_made(self):
        with freeze_time("2027-08-09"):
            self.assertEqual(self.env["sale.subscription"].default_get(["date_start"])["date_start"], day("2027-08-09"))

    def test_t9_totals_follow_a_price_change(self):
        subscription = self.make_subscription(self.month, self.cloudbox)
        subscription.sale_subscription_line_ids.price_unit = 100
        self.assertEqual(subscription.recurring_total, 100)
        self.assertEqual(subscription.amount_total, 121)

    def test_taxes_are_those_of_the_subscription_s_company(self):
        other = self.env["res.company"].create({"name": "Other"})
        self.env.user.company_ids += other
        subscription = self.make_subscription(self.month)
        line = (
            self.env["sale.subscription.line"]
            .with_context(allowed_company_ids=(other + self.company).ids)
            .create({"sale_subscription_id": subscription.id, "product_id": self.cloudbox.id})
        )
        self.assertEqual(line.tax_ids, self.company_data["default_tax_sale"])

    # === THE UPSTREAM CRON

    @freeze_time("2026-03-05")
    def test_the_cron_of_subscription_oca_does_not_bill_companies_with_billing(self):
        subscription = self.make_subscription(self.month, self.cloudbox)
        self.env["sale.subscription"].cron_subscription_management()
        self.assertFalse(self.get_invoices())
        self.assertEqual(subscription.recurring_next_date, day("2026-01-01"))

    @freeze_time("2026-03-05")
    def test_the_cron_still_bills_companies_without(self):
        company = self.env["res.company"].create({"name": "Other", "currency_id": self.company.currency_id.id})
        subscription = self.make_subscription(self.month, company_id=company.id)
        with patch.object(self.env.registry["sale.subscription"], "generate_invoice", autospec=True) as generate:
            subscription.sale_subscription_line_ids = [Command.create({"product_id": self.router.id})]
            self.env["sale.subscription"].cron_subscription_management()
        self.assertIn(subscription, [call.args[0] for call in generate.call_args_list])

    @freeze_time("2026-03-05")
    def test_the_cron_closes_what_has_ended_and_its_last_days_are_still_billed(self):
        subscription = self.make_subscription(self.month, self.cloudbox, self.cloudbox, date="2026-02-15")
        self.env["sale.subscription"].cron_subscription_management()
        self.assertEqual(subscription.stage_type, "post")
        self.bill("2026-03-01")
        self.assertEqual(
            self.get_periods(self.get_invoices()),
            [("2026-01-01", "2026-01-31")] * 2 + [("2026-02-01", "2026-02-14")] * 2,
        )

    @freeze_time("2026-03-05")
    def test_the_cron_starts_what_is_ready_and_resumes_what_was_paused(self):
        ready = self.make_subscription(self.month, self.cloudbox, start="2026-03-05", running=False)
        ready.stage_id = self.env.ref("subscription_oca.subscription_stage_ready")
        paused = self.make_subscription(self.month, self.cloudbox)
        paused.action_pause(paused_until=day("2026-03-01"))
        self.env["sale.subscription"].cron_subscription_management()
        self.assertTrue(ready.in_progress)
        self.assertFalse(paused.is_paused)

    @freeze_time("2026-02-10")
    def test_closing_in_arrears_bills_up_to_the_day_of_closing(self):
        self.month.billing_timing = "arrears"
        subscription = self.make_subscription(self.month, self.internet)
        subscription.close_subscription()
        self.assertEqual(subscription.date, day("2026-02-10"))
        with freeze_time("2026-04-01"):
            self.bill("2026-04-01")
        self.assertEqual(
            self.get_periods(self.get_invoices()), [("2026-01-01", "2026-01-31"), ("2026-02-01", "2026-02-09")]
        )
