from freezegun import freeze_time
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from odoo import Command

from .netting_common import NettingCase
from .size import at_size

AMOUNTS = st.sampled_from([1.0, 5.55, 12.5, 20.0, 33.33, 40.0])  # each under the minimum with VAT


class TestHeldNotFailed(NettingCase):
    """What anybody can foresee is held with what to do, and stops nothing else of the customer: nobody fails for it."""

    # === THE MANDATE

    def test_waiting_draft_needs_a_mandate_that_ended_while_a_credit_is_owed(self):
        self.owe(10.0)
        with freeze_time("2026-02-10"):
            waiting = self.make_waiting(30.0)
        self.cancel_mandates()
        run = self.run_on("2026-04-01")
        self.assertEqual(self.get_outcomes(run), [("held", 30.0), ("invoiced", -10.0)])
        self.assertIn("was cancelled", run.line_ids.filtered(lambda row: row.outcome == "held").message)
        self.assertEqual((run.state, waiting.state), ("done", "draft"))
        self.assertRecordValues(self.get_credit_notes(), [{"state": "posted", "amount_untaxed": 10.0}])
        self.make_mandate(self.customer)
        with freeze_time("2026-04-02"):
            run.action_retry()
        self.assertEqual(waiting.state, "posted")

    def test_what_a_credit_pays_for_whole_needs_no_mandate(self):
        self.owe(40.0)
        with freeze_time("2026-02-10"):
            first, second = self.make_waiting(30.0), self.make_waiting(20.0)
        self.cancel_mandates()
        run = self.run_on("2026-04-01")
        self.assertEqual(self.get_outcomes(run), [("held", 20.0), ("invoiced", -10.0)])
        self.assertEqual((first.state, second.state), ("posted", "draft"))

    def test_what_is_paid_by_transfer_goes_although_the_mandate_ended(self):
        self.owe(10.0)
        with freeze_time("2026-02-10"):
            collected = self.make_waiting(30.0)
            transferred = self.make_waiting(20.0, payment_mode_id=False)
        self.cancel_mandates()
        run = self.run_on("2026-04-01")
        self.assertEqual(self.get_outcomes(run), [("held", 30.0), ("invoiced", -10.0), ("invoiced", 20.0)])
        self.assertEqual((collected.state, transferred.state), ("draft", "posted"))

    def test_line_that_ended_is_given_back_though_another_of_its_subscription_is_held(self):
        subscription = self.make_subscription(self.quarter, self.internet, self.domain)
        self.run_on("2026-01-01")
        internet, _domain = subscription.sale_subscription_line_ids
        internet.date_end = "2026-03-01"  # 31 of 90 days of 120.00
        self.cancel_mandates()
        run = self.run_on("2026-04-01")
        self.assertEqual(self.get_outcomes(run), [("held", 3.75), ("invoiced", -41.33)])

    def test_days_that_are_charged_anew_are_given_back_with_them(self):
        subscription = self.make_subscription(self.quarter, self.internet)
        self.run_on("2026-01-01")
        subscription.sale_subscription_line_ids._change(
            self.env["account.move"]._fields["invoice_date"].to_date("2026-02-01"), {"price_unit": 90.0}
        )
        self.cancel_mandates()
        run = self.run_on("2026-02-01")
        self.assertEqual(run.line_ids.mapped("outcome"), ["held"])

    # === WHAT IS ARCHIVED OR MISSING

    def assert_held(self, words, text="2026-02-01"):
        """Only what the words are about is held; a second agreement of the same customer is billed."""
        sound = self.make_subscription(self.month, self.internet, start=text)
        run = self.run_on(text)
        held = run.line_ids.filtered(lambda row: row.outcome == "held")
        self.assertEqual(len(held), 1, run.line_ids.mapped("message"))
        self.assertIn(words, held.message)
        self.assertTrue(sound.sale_subscription_line_ids.charge_ids, run.line_ids.mapped("message"))
        self.assertEqual(run.state, "done")

    def make_broken(self, **values):
        product = self.make_product("Broken product", "connectivity", 120.0, **values)
        return self.make_subscription(self.month, product, start="2026-02-01")

    def test_archived_payment_mode(self):
        mode = self.company.billing_payment_mode_id.copy({"name": "Old mode"})
        self.make_broken().payment_mode_id = mode
        mode.active = False
        self.assert_held("Payment mode Old mode is archived")

    def test_archived_journal(self):
        journal = self.company_data["default_journal_sale"].copy()
        self.make_broken().journal_id = journal
        journal.active = False
        self.assert_held("archived journal")

    def test_no_sales_journal_at_all(self):
        self.make_broken()
        self.env["account.journal"].search([("company_id", "=", self.company.id), ("type", "=", "sale")]).active = False
        run = self.run_on("2026-02-01")
        self.assertIn("no sales journal", run.line_ids.message)

    def test_archived_income_account(self):
        account = self.company_data["default_account_revenue"].copy()
        self.make_broken(property_account_income_id=account.id)
        account.active = False
        self.assert_held("of Broken product is archived")

    def test_archived_receivable_account(self):
        account = self.company_data["default_account_receivable"].copy()
        self.customer.property_account_receivable_id = account
        self.make_broken()
        account.active = False
        run = self.run_on("2026-02-01")
        self.assertEqual(run.line_ids.outcome, "held")
        self.assertIn("of Bakkerij Jansen is archived", run.line_ids.message)

    def test_archived_account_of_a_tax(self):
        tax = self.company_data["default_tax_sale"].copy({"name": "Odd tax"})
        account = self.company_data["default_account_tax_sale"].copy()
        tax.invoice_repartition_line_ids.filtered("account_id").account_id = account
        self.make_broken(taxes_id=[Command.set(tax.ids)])
        account.active = False
        self.assert_held("of Odd tax is archived")

    def test_product_of_another_company_in_an_automatic_run(self):
        other = self.env["res.company"].create({"name": "Other"})
        template = self.make_broken().sale_subscription_line_ids.product_id.product_tmpl_id
        self.env.flush_all()
        self.env.cr.execute("UPDATE product_template SET company_id = %s WHERE id = %s", [other.id, template.id])
        self.env.invalidate_all()
        with freeze_time("2026-02-01"):
            run = self.make_run("2026-02-01")
            run.with_user(self.env.ref("base.user_root")).action_run()
        self.assertEqual(run.line_ids.outcome, "held")
        self.assertIn("belongs to Other", run.line_ids.message)

    def test_inactive_currency(self):
        dollar = self.make_rate(1.2)
        broken = self.make_broken()
        broken.pricelist_id = self.env["product.pricelist"].create(
            {"name": "Dollars", "currency_id": dollar.id, "company_id": self.company.id}
        )
        self.env.cr.execute("UPDATE res_currency SET active = false WHERE id = %s", [dollar.id])
        self.env.invalidate_all()
        self.assert_held("Currency USD isn't active")

    def test_what_odoo_refuses_to_post_is_told_in_its_words(self):
        self.router.must_have_dates = True
        with freeze_time("2026-01-20"):
            self.make_order(70.0)
        self.assert_held("Missing Start Date")

    def test_waiting_draft_without_lines(self):
        with freeze_time("2026-02-10"):
            self.make_waiting().invoice_line_ids.unlink()
        self.assert_held("has no lines any more", "2026-04-01")

    def test_waiting_draft_with_an_archived_account(self):
        account = self.company_data["default_account_revenue"].copy()
        with freeze_time("2026-02-10"):
            self.make_waiting().invoice_line_ids.account_id = account
        account.active = False
        self.assert_held("choose another on the draft", "2026-04-01")

    def test_waiting_draft_of_a_subscription_that_somebody_took_off_direct_debit(self):
        self.make_subscription(self.month, self.cloudbox, start="2026-02-01", date="2026-03-01")
        self.run_on("2026-02-01")
        self.get_drafts().payment_mode_id = self.make_transfer_mode()
        self.assert_held("paid by direct debit", "2026-04-01")

    # === ANY STATE

    @settings(max_examples=at_size(100, 6), deadline=None, phases=[Phase.generate])
    @given(
        owed=st.lists(AMOUNTS, max_size=2),
        waiting=st.lists(st.tuples(AMOUNTS, st.booleans(), st.sampled_from(["own", "none", "other"])), max_size=3),
        is_owed_late=st.booleans(),
        monthly=st.booleans(),
        lost=st.sampled_from(["no", "before", "late", "late"]),
        policy=st.sampled_from(["quarter", "threshold"]),
        turns=st.sampled_from(
            [("2026-03-01", "2026-04-01"), ("2026-04-01",), ("2026-03-01", "2026-03-15", "2026-04-01")]
        ),
    )
    def test_any_state_of_mandates_waiting_drafts_and_credits(
        self, owed, waiting, is_owed_late, monthly, lost, policy, turns
    ):
        with self.env.cr.savepoint() as savepoint:
            self.check_any_state(owed, waiting, is_owed_late, monthly, lost, policy, turns)
            savepoint.rollback()
        self.env.invalidate_all()

    def check_any_state(self, owed, waiting, is_owed_late, monthly, lost, policy, turns):
        self.company.billing_deferral_release = policy
        other = self.make_mandate(self.customer)
        credits = [self.sell(amount) for amount in owed]
        with freeze_time("2026-02-10"):
            for price, is_transfer, mandate in waiting:
                values = {"payment_mode_id": False} if is_transfer else {}
                draft = self.make_invoice(price, **values)
                if mandate == "other" and not is_transfer:
                    draft.mandate_id = other
                draft.action_post()
        if monthly:
            self.make_subscription(self.month, self.cloudbox, start="2026-02-01")
            self.run_on("2026-02-01")
        if lost == "before":
            self.cancel_mandates()
        for turn in turns:
            if lost == "late" and turn == "2026-04-01":
                self.cancel_mandates()
            if turn == turns[-1] if is_owed_late else turn == turns[0]:
                for subscription in credits:
                    self.give_back(subscription)
            run = self.run_on(turn)
        for subscription in credits:
            [charge] = subscription.sale_subscription_line_ids.charge_ids.filtered("is_credit")
            self.assertIn(charge.state, ("drafted", "billed"))
        has_mandate = lost == "no"
        for draft in self.get_drafts():
            self.assertFalse(has_mandate, "All that can be collected goes at the quarter turn.")
            self.assertTrue(draft.payment_mode_id.payment_method_id.mandate_required)
            self.assertGreater(draft.amount_total, 0)
            self.assertIn("held", run.line_ids.mapped("outcome"))
        for move in self.get_posted().filtered(lambda move: str(move.invoice_date) == "2026-04-01"):
            if move.amount_total and move.payment_mode_id.payment_method_id.mandate_required:
                self.assertEqual(move.mandate_id.state, "valid")
