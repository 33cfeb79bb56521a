from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import UserError

from .common import day
from .deferral_common import DeferralCase


@freeze_time("2026-02-10")
class TestDeferralQuarter(DeferralCase):
    """R5: at the quarter turn a customer gets one invoice with everything, whoever made what waits."""

    def bill_quarter(self, **values):
        with freeze_time("2026-04-01"):
            return self.bill("2026-04-01", **values)

    def test_a_customer_gets_one_invoice_with_everything_by_hand_from_an_order_and_of_the_runs(self):
        order = self.make_order()
        from_order, by_hand = order._create_invoices(), self.make_invoice()
        self.make_subscription(self.month, self.cloudbox, start="2026-02-01")
        (from_order + by_hand).action_post()
        self.assertEqual((from_order + by_hand).mapped("deferral_state"), ["deferred"] * 2)
        self.bill("2026-02-01")
        run = self.bill_quarter()
        posted = self.get_posted()
        self.assertRecordValues(
            posted, [{"invoice_date": day("2026-04-01"), "amount_untaxed": 10 + 20 + 90, "billing_run_id": run.id}]
        )
        self.assertFalse(self.get_drafts())
        self.assertEqual(order.order_line.invoice_lines.move_id, posted)
        self.assertEqual((order.invoice_status, order.order_line.qty_invoiced), ("invoiced", 1))
        self.assertEqual(posted.invoice_line_ids.charge_ids.mapped("state"), ["billed"] * 3)
        self.assertRecordValues(run.line_ids, [{"outcome": "invoiced", "move_id": posted.id}])

    def test_one_invoice_with_entries_that_balance_and_one_tax_line(self):
        first, second = self.make_waiting(10.01), self.make_waiting(10.02)
        self.bill_quarter()
        posted = self.get_posted()
        self.assertIn(posted, first + second)
        self.assertRecordValues(posted, [{"amount_untaxed": 20.03, "amount_tax": 4.21, "amount_total": 24.24}])
        self.assertEqual(sorted(posted.line_ids.mapped("balance")), [-10.02, -10.01, -4.21, 24.24])

    def test_one_invoice_in_a_foreign_currency_at_the_rate_of_the_quarter_turn(self):
        dollar = self.make_rate(2.0)
        self.make_rate(4.0, "2026-04-01")
        self.make_waiting(10, currency_id=dollar.id, invoice_date="2026-02-10")
        self.make_waiting(20, currency_id=dollar.id, invoice_date="2026-02-09")
        self.make_waiting(1)
        self.bill_quarter()
        in_dollars = self.get_posted().filtered(lambda move: move.currency_id == dollar)
        self.assertRecordValues(in_dollars, [{"amount_total": 36.3, "amount_total_signed": 9.08}])
        self.assertEqual(sorted(in_dollars.line_ids.mapped("balance")), [-5, -2.5, -1.58, 9.08])
        self.assertEqual(len(self.get_posted()), 2)

    def test_one_invoice_where_the_payment_mode_is_open_or_the_mandate_was_only_proposed(self):
        older = self.make_mandate(self.customer, signature_date="2024-01-01")
        self.make_subscription(self.month, self.cloudbox, start="2026-04-01", mandate_id=older.id)
        self.make_waiting(payment_mode_id=False)
        self.make_waiting()
        self.bill_quarter()
        self.assertRecordValues(
            self.get_posted(),
            [
                {
                    "amount_untaxed": 70,
                    "mandate_id": older.id,
                    "payment_mode_id": self.company.billing_payment_mode_id.id,
                }
            ],
        )

    def test_one_invoice_of_drafts_by_hand_alone_takes_the_payment_mode_that_one_of_them_has(self):
        self.make_waiting(payment_mode_id=False)
        self.make_waiting()
        self.bill_quarter()
        self.assertRecordValues(
            self.get_posted(),
            [{"amount_untaxed": 40, "payment_mode_id": self.company.billing_payment_mode_id.id}],
        )

    def test_invoices_of_their_own_where_payment_mode_mandate_journal_or_fiscal_position_differ(self):
        self.make_subscription(self.month, self.cloudbox, start="2026-04-01")
        newest = self.customer._get_billing_mandate(self.company)
        chosen = self.make_mandate(self.customer, signature_date="2025-01-01")
        self.assertNotEqual(chosen, self.customer.with_company(self.company).valid_mandate_id)
        self.assertNotEqual(chosen, newest)
        journal = self.company_data["default_journal_sale"].copy({"code": "OTH", "name": "Other"})
        position = self.env["account.fiscal.position"].create({"name": "Other", "company_id": self.company.id})
        for values in (
            {"payment_mode_id": self.make_transfer_mode().id},
            {"mandate_id": chosen.id},
            {"journal_id": journal.id},
            {"fiscal_position_id": position.id},
        ):
            self.make_waiting(**values)
        self.bill_quarter()
        self.assertFalse(self.get_drafts())
        self.assertEqual(sorted(self.get_posted().mapped("amount_untaxed")), [20] * 4 + [30])

    def test_one_invoice_of_drafts_of_different_salespeople(self):
        colleague = self.env["res.users"].create({"name": "Colleague", "login": "colleague"})
        self.make_waiting(invoice_user_id=colleague.id)
        self.make_waiting()
        self.bill_quarter()
        self.assertRecordValues(self.get_posted(), [{"amount_untaxed": 40, "invoice_user_id": colleague.id}])

    def test_the_merge_by_hand_takes_drafts_of_different_salespeople_together(self):
        colleague = self.env["res.users"].create({"name": "Colleague", "login": "colleague"})
        drafts = self.make_waiting(10, user_id=colleague.id) + self.make_waiting(user_id=self.env.uid)
        [merged] = drafts.do_merge()
        merged = self.env["account.move"].browse(merged)
        self.assertRecordValues(merged, [{"amount_untaxed": 30, "deferral_state": "deferred"}])
        self.assertEqual(merged.invoice_line_ids.mapped("supply_date"), [day("2026-02-10")] * 2)

    def test_sections_notes_and_their_order_are_kept(self):
        texts = [
            Command.create({"display_type": "line_section", "name": "Section", "sequence": 1}),
            Command.create({"display_type": "line_note", "name": "Note", "sequence": 200}),
        ]
        self.make_waiting(ref="PO 1").invoice_line_ids = texts
        self.make_waiting(ref="PO 2").invoice_line_ids = texts
        self.make_subscription(self.month, self.cloudbox, start="2026-02-01")
        self.bill("2026-02-01")
        self.bill_quarter()
        posted = self.get_posted()
        lines = posted.invoice_line_ids.sorted(lambda line: (line.sequence, line.id))
        types = lines.mapped("display_type")
        self.assertEqual(types, ["product"] * 3 + ["line_section", "product", "line_note"] * 2)
        self.assertEqual(lines[:3].product_id, self.cloudbox)
        self.assertEqual(posted.ref, "PO 1, PO 2")

    def test_what_somebody_wrote_on_a_line_is_kept(self):
        self.make_waiting()
        invoice = self.make_waiting()
        account = self.company_data["default_account_revenue"].copy()
        written = {"name": "Own words", "quantity": 2, "price_unit": 5, "discount": 10, "account_id": account.id}
        invoice.invoice_line_ids.write({**written, "tax_ids": [Command.clear()]})
        line = invoice.invoice_line_ids
        self.bill_quarter()
        self.assertEqual(line.move_id, self.get_posted())
        self.assertRecordValues(line, [{**written, "tax_ids": []}])

    def test_attachments_and_hours_go_along(self):
        first, second = self.make_waiting(), self.make_waiting()
        attachment = self.env["ir.attachment"].create(
            {"name": "Signed.pdf", "res_model": "account.move", "res_id": second.id}
        )
        hours = self.env["account.analytic.line"].create({"name": "Hours", "timesheet_invoice_id": second.id})
        self.bill_quarter()
        self.assertEqual(self.get_posted(), first)
        self.assertEqual((attachment.res_id, hours.timesheet_invoice_id), (first.id, first))

    def test_what_goes_wrong_with_one_customer_is_on_the_run_and_stops_nobody_else(self):
        broken, fine = self.make_customer("Broken"), self.make_customer("Fine")
        for customer in (broken, fine):
            self.make_waiting(customer=customer)
            self.make_waiting(customer=customer)
        self.make_subscription(self.month, self.cloudbox, start="2026-04-01", customer=broken)
        moves = self.env.registry["account.move"]
        original = moves._tell_merged

        def fail(drafts, target):
            if target.partner_id == broken:
                raise UserError(drafts[0].partner_id.name)
            return original(drafts, target)

        self.patch(moves, "_tell_merged", fail)
        run = self.bill_quarter(may_fail=True)
        held = run.line_ids.filtered(lambda line: line.outcome == "held")
        self.assertRecordValues(held, [{"partner_id": broken.id, "message": "Broken"}])
        self.assertEqual(len(self.get_drafts(broken)), 2)
        self.assertRecordValues(self.get_posted(fine), [{"amount_untaxed": 40}])
        self.patch(moves, "_tell_merged", original)
        with freeze_time("2026-04-01"):
            run.action_retry()
        self.assertRecordValues(self.get_posted(broken), [{"amount_untaxed": 70}])

    def test_before_the_quarter_turn_a_draft_by_hand_is_left_alone(self):
        waiting = self.make_waiting()
        self.make_subscription(self.month, self.cloudbox, start="2026-02-01")
        self.bill("2026-02-01")
        run = self.bill("2026-03-01")
        self.assertRecordValues(
            self.get_invoices(),
            [
                {"amount_untaxed": 20, "deferral_state": "deferred", "billing_run_id": False},
                {"amount_untaxed": 60, "deferral_state": "deferred", "billing_run_id": run.id},
            ],
        )
        self.assertEqual(self.get_invoices()[0], waiting)

    def test_a_preview_of_the_quarter_turn_leaves_the_drafts_as_they_are(self):
        drafts = self.make_waiting() + self.make_waiting()
        with freeze_time("2026-04-01"):
            run = self.make_run("2026-04-01")
            run.action_preview()
        self.assertRecordValues(run.line_ids, [{"outcome": "invoiced", "amount_untaxed": 40}])
        self.assertRecordValues(drafts, [{"state": "draft", "amount_untaxed": 20}] * 2)

    def test_two_runs_on_one_day_release_once(self):
        self.make_waiting()
        self.bill_quarter()
        self.assertFalse(self.bill_quarter().line_ids)
        self.assertEqual(len(self.get_posted()), 1)

    # === threshold

    def test_as_soon_as_the_waiting_total_reaches_the_minimum_a_run_releases_drafts_by_hand(self):
        drafts = self.make_waiting() + self.make_waiting() + self.make_waiting()
        others = self.make_waiting(customer=self.make_customer("Slagerij"))
        self.company.billing_deferral_release = "threshold"
        self.bill("2026-03-01")
        self.assertRecordValues(self.get_posted(), [{"amount_untaxed": 60}])
        self.assertIn(self.get_posted(), drafts)
        self.assertEqual(others.state, "draft")

    def test_a_run_and_drafts_by_hand_reach_the_minimum_together(self):
        self.company.billing_deferral_release = "threshold"
        self.make_waiting()
        self.make_subscription(self.month, self.cloudbox, start="2026-02-01")
        self.bill("2026-02-01")
        self.assertRecordValues(self.get_posted(), [{"amount_untaxed": 50, "deferral_state": "released"}])
        self.assertFalse(self.get_drafts())

    def test_a_run_and_drafts_on_other_terms_reach_the_minimum_together(self):
        self.company.billing_deferral_release = "threshold"
        dollar = self.make_rate(2.0)
        self.make_waiting(40, currency_id=dollar.id)  # 48.40 dollars are 24.20 euros
        self.make_subscription(self.month, self.cloudbox, start="2026-02-01")
        self.bill("2026-02-01")
        self.assertEqual(self.get_posted().mapped("amount_untaxed"), [40, 30])

    def test_under_the_minimum_together_they_wait_on(self):
        self.company.write({"billing_deferral_release": "threshold", "billing_min_amount": 100})
        self.make_waiting()
        self.make_subscription(self.month, self.cloudbox, start="2026-02-01")
        self.bill("2026-02-01")
        self.assertEqual(self.get_drafts().mapped("amount_untaxed"), [20, 30])

    # === credit

    def test_credit_of_a_run_is_set_off_against_a_draft_by_hand(self):
        waiting = self.make_waiting()
        subscription = self.make_subscription(self.month, self.cloudbox, start="2026-02-01")
        self.company.billing_min_amount = 0
        self.bill("2026-02-01")
        self.company.billing_min_amount = 50
        subscription.date = "2026-02-22"  # a quarter of the month isn't used: 7.50 back
        self.bill("2026-03-01")
        self.assertRecordValues(waiting, [{"state": "draft", "amount_untaxed": 12.5}])

    # === the last subscription

    def test_ending_the_last_subscription_releases_what_waits(self):
        subscription = self.make_subscription(self.month, self.cloudbox, start="2026-02-01")
        self.bill("2026-02-01")
        self.make_waiting()
        never = self.make_waiting(customer=self.make_customer("Never had one"))
        subscription.date = "2026-03-01"
        self.bill("2026-03-01")
        self.assertRecordValues(self.get_posted(), [{"amount_untaxed": 50}])
        self.assertEqual(never.state, "draft")

    def test_ending_the_last_subscription_counts_archived_ones(self):
        subscription = self.make_subscription(self.month, self.cloudbox, start="2026-02-01", date="2026-03-01")
        self.bill("2026-02-01")
        with freeze_time("2026-03-01"):
            subscription.close_subscription()
            subscription.active = False
            self.bill("2026-03-01")
        self.assertRecordValues(self.get_posted(), [{"amount_untaxed": 30}])

    def test_ending_one_of_two_subscriptions_releases_nothing(self):
        self.make_subscription(self.month, self.cloudbox, start="2026-02-01", date="2026-03-01")
        self.make_subscription(self.year, self.domain, start="2025-06-01")
        self.company.billing_min_amount = 100
        self.bill("2026-02-01")
        self.bill("2026-03-01")
        self.assertEqual(self.get_drafts().mapped("deferral_state"), ["deferred"])
        self.assertFalse(self.get_posted())

    def test_a_subscription_that_ended_before_the_draft_was_made_releases_nothing(self):
        self.company.billing_min_amount = 0
        self.make_subscription(self.month, self.cloudbox, start="2026-01-01", date="2026-02-01")
        self.bill("2026-01-01")
        self.company.billing_min_amount = 50
        waiting = self.make_waiting()
        self.bill("2026-03-01")
        self.assertEqual(waiting.state, "draft")

    def test_what_is_released_but_held_says_that_it_goes_with_the_next_run(self):
        self.make_subscription(self.month, self.cloudbox, start="2026-02-01", date="2026-03-01")
        self.bill("2026-02-01")
        self.customer._get_billing_mandate(self.company).cancel()
        self.assertEqual(self.bill("2026-03-01").line_ids.outcome, "held")
        self.assertIn("next billing run", self.get_drafts().deferral_reason)

    # === per company

    def test_drafts_of_another_company_are_not_taken_along(self):
        other = self.setup_other_company()["company"]
        theirs = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "company_id": other.id,
                "partner_id": self.customer.id,
                "invoice_line_ids": [Command.create({"name": "Theirs", "price_unit": 5, "quantity": 1})],
                "deferral_state": "deferred",
                "deferred_until": "2026-04-01",
            }
        )
        self.make_waiting()
        self.bill_quarter()
        self.assertEqual(theirs.state, "draft")
        self.assertRecordValues(self.get_posted(), [{"amount_untaxed": 20}])
