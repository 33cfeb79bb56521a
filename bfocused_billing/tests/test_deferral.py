from freezegun import freeze_time

from .common import BillingCase, day


class TestDeferral(BillingCase):
    """R5: an invoice under EUR 50 isn't sent, but goes along with the batch at the quarter turn."""

    def test_under_the_minimum_is_deferred_until_the_quarter_turn_and_says_so(self):
        self.make_subscription(self.month, self.cloudbox, start="2026-02-01")
        run = self.bill("2026-02-01")
        invoice = self.get_invoices()
        self.assertRecordValues(
            invoice, [{"state": "draft", "deferral_state": "deferred", "deferred_until": day("2026-04-01")}]
        )
        self.assertRecordValues(
            run.line_ids,
            [{"outcome": "deferred", "amount_total": 36.3, "move_id": invoice.id, "message": invoice.deferral_reason}],
        )
        self.assertIn("quarter turn of 1 April 2026", invoice.deferral_reason)
        self.assertEqual(self.customer.deferred_amount, 36.3)

    def test_at_the_quarter_turn_a_customer_gets_one_invoice_with_everything(self):
        self.make_subscription(self.month, self.cloudbox, start="2026-02-01")
        self.make_subscription(self.quarter, self.internet, start="2026-04-01")
        for date in ("2026-02-01", "2026-03-01", "2026-04-01"):
            self.bill(date)
        invoice = self.get_invoices()
        self.assertRecordValues(
            invoice,
            [
                {
                    "state": "posted",
                    "deferral_state": "released",
                    "invoice_date": day("2026-04-01"),
                    "amount_untaxed": 3 * 30 + 120,
                }
            ],
        )
        self.assertEqual(len(invoice.invoice_line_ids), 4)
        self.assertEqual(self.customer.deferred_amount, 0)

    def test_what_waits_goes_at_the_quarter_turn_also_when_nothing_new_is_due_and_it_is_still_small(self):
        self.make_subscription(self.year, self.domain, start="2026-02-05")
        self.bill("2026-03-01")
        run = self.bill("2026-04-01")
        self.assertRecordValues(self.get_invoices(), [{"state": "posted", "amount_untaxed": 15}])
        self.assertRecordValues(run.line_ids, [{"outcome": "invoiced", "move_id": self.get_invoices().id}])

    def test_at_the_quarter_turn_nothing_is_deferred(self):
        self.make_subscription(self.month, self.cloudbox)
        self.bill("2026-01-01")
        self.assertEqual(self.get_invoices().state, "posted")

    def test_exactly_the_minimum_is_invoiced(self):
        self.cloudbox.list_price = 41.32  # 50.00 including 21 %
        self.make_subscription(self.month, self.cloudbox, start="2026-02-01")
        self.bill("2026-02-01")
        self.assertRecordValues(self.get_invoices(), [{"state": "posted", "amount_total": 50}])

    def test_the_minimum_can_be_compared_without_vat(self):
        self.cloudbox.list_price = 45  # 54.45 including 21 %
        self.company.billing_min_amount_base = "untaxed"
        self.make_subscription(self.month, self.cloudbox, start="2026-02-01")
        self.bill("2026-02-01")
        self.assertEqual(self.get_invoices().state, "draft")

    def test_a_minimum_of_zero_sends_everything(self):
        self.company.billing_min_amount = 0
        self.make_subscription(self.month, self.cloudbox, start="2026-02-01")
        self.bill("2026-02-01")
        self.assertEqual(self.get_invoices().state, "posted")

    def test_what_is_free_waits_too(self):
        self.cloudbox.list_price = 0
        self.make_subscription(self.month, self.cloudbox, start="2026-02-01")
        self.assertEqual(self.bill("2026-02-01").line_ids.outcome, "deferred")

    def test_an_exempt_customer_never_waits_and_what_waited_goes(self):
        self.make_subscription(self.month, self.cloudbox, start="2026-02-01", date="2026-03-01")
        self.bill("2026-02-01")
        self.customer.with_company(self.company).billing_deferral = "never"
        self.make_subscription(self.month, self.cloudbox, start="2026-03-01", date="2026-04-01")
        self.bill("2026-03-01")
        self.assertRecordValues(self.get_invoices(), [{"state": "posted", "amount_untaxed": 60}])

    def test_a_customer_who_always_waits_gets_one_invoice_a_quarter(self):
        self.customer.with_company(self.company).billing_deferral = "always"
        self.make_subscription(self.month, *[self.cloudbox] * 3, start="2026-02-01")
        for text in ("2026-02-01", "2026-03-01"):
            run = self.bill(text)
            self.assertEqual(run.line_ids.outcome, "deferred")
            self.assertIn("one invoice a quarter", run.line_ids.message)
        self.bill("2026-04-01")
        self.assertRecordValues(self.get_invoices(), [{"state": "posted", "amount_untaxed": 270}])

    def test_released_at_the_quarter_turn_only_a_bigger_invoice_in_between_leaves_what_waits(self):
        self.make_subscription(self.month, self.cloudbox, start="2026-02-01", date="2026-03-01")
        self.bill("2026-02-01")
        self.make_subscription(self.quarter, self.internet, start="2026-03-01")
        self.bill("2026-03-01")
        waiting, posted = self.get_invoices()
        self.assertEqual((waiting.state, posted.state), ("draft", "draft" if posted.amount_total < 50 else "posted"))
        self.assertEqual(self.get_periods(waiting), [("2026-02-01", "2026-02-28")])

    def test_released_by_threshold_goes_as_soon_as_the_waiting_total_reaches_the_minimum(self):
        self.company.billing_deferral_release = "threshold"
        self.make_subscription(self.month, self.cloudbox, start="2026-02-01")
        self.bill("2026-02-01")
        self.assertEqual(self.get_invoices().state, "draft")
        self.bill("2026-03-01")
        self.assertRecordValues(self.get_invoices(), [{"state": "posted", "amount_total": 72.6}])

    def test_released_by_threshold_waits_longer_while_the_total_is_under_it(self):
        self.company.write({"billing_deferral_release": "threshold", "billing_min_amount": 100})
        self.make_subscription(self.month, self.cloudbox, start="2026-02-01")
        self.bill("2026-02-01")
        self.bill("2026-03-01")
        self.assertRecordValues(self.get_invoices(), [{"state": "draft", "amount_total": 72.6}])

    @freeze_time("2026-02-17")
    def test_send_anyway_posts_it_now_dated_today(self):
        self.make_subscription(self.month, self.cloudbox, start="2026-02-01")
        self.bill("2026-02-01")
        self.get_invoices().action_send_anyway()
        self.assertRecordValues(
            self.get_invoices(),
            [
                {
                    "state": "posted",
                    "deferral_state": "released",
                    "invoice_date": day("2026-02-17"),
                    "invoice_date_due": day("2026-02-17"),
                    "deferral_reason": False,
                }
            ],
        )
        with freeze_time("2026-04-01"):
            self.bill("2026-04-01")
        self.assertEqual(len(self.get_invoices()), 2)

    def test_what_waits_goes_with_the_mandate_that_is_valid_at_the_quarter_turn(self):
        self.make_subscription(self.month, self.cloudbox, start="2026-02-01")
        self.bill("2026-02-01")
        self.customer._get_billing_mandate(self.company).cancel()
        newer = self.make_mandate(self.customer, signature_date="2026-03-01")
        self.bill("2026-04-01")
        self.assertRecordValues(self.get_invoices(), [{"state": "posted", "mandate_id": newer.id}])

    def test_what_waits_is_held_at_the_quarter_turn_when_the_mandate_is_gone(self):
        self.make_subscription(self.year, self.domain, start="2026-02-05")
        self.bill("2026-03-01")
        self.customer._get_billing_mandate(self.company).cancel()
        run = self.bill("2026-04-01")
        self.assertRecordValues(run.line_ids, [{"outcome": "held", "amount_total": 18.15}])
        self.assertEqual(self.get_invoices().state, "draft")
        self.make_mandate(self.customer)
        run.action_retry()
        self.assertEqual(self.get_invoices().state, "posted")

    def test_two_runs_on_one_day_defer_and_release_once(self):
        self.make_subscription(self.month, self.cloudbox, start="2026-02-01")
        self.bill("2026-02-01")
        self.assertFalse(self.bill("2026-02-01").line_ids)
        self.bill("2026-04-01")
        self.assertFalse(self.bill("2026-04-01").line_ids)
        self.assertEqual(len(self.get_invoices()), 1)

    def test_a_missed_quarter_turn_releases_with_the_next_run(self):
        self.make_subscription(self.year, self.domain, start="2026-02-05")
        self.bill("2026-03-01")
        self.make_subscription(self.month, self.cloudbox, start="2026-05-01")
        self.bill("2026-05-01")
        self.assertRecordValues(self.get_invoices(), [{"state": "posted", "amount_untaxed": 15 + 30}])

    def test_what_joins_in_a_later_quarter_waits_for_its_own_turn(self):
        self.make_subscription(self.month, self.cloudbox, start="2026-02-01", date="2026-03-01")
        self.bill("2026-02-01")
        self.customer._get_billing_mandate(self.company).cancel()
        self.bill("2026-04-01")
        self.make_mandate(self.customer)
        self.bill("2026-05-01")
        self.assertEqual(self.get_invoices().state, "posted")

    def test_what_waits_is_not_posted_with_a_cancelled_mandate_of_its_own(self):
        own = self.make_mandate(self.customer)
        self.make_subscription(self.year, self.domain, start="2026-02-05", mandate_id=own.id)
        self.bill("2026-03-01")
        own.cancel()
        run = self.bill("2026-04-01")
        self.assertEqual(run.line_ids.outcome, "held")
        self.assertEqual(self.get_invoices().state, "draft")

    def test_t18_merging_drafts_keeps_periods_charges_and_deferral(self):
        for product in (self.domain, self.domain):
            subscription = self.make_subscription(self.year, product, start="2026-02-05")
        other = self.make_mandate(self.customer, signature_date="2024-01-01")
        subscription.mandate_id = other
        self.bill("2026-03-01")
        drafts = self.get_invoices()
        self.assertEqual(len(drafts), 2)
        drafts.mandate_id = other
        merged = self.env["account.move"].browse(next(iter(drafts.do_merge())))
        self.assertRecordValues(
            merged,
            [
                {
                    "deferral_state": "deferred",
                    "deferred_until": day("2026-04-01"),
                    "mandate_id": other.id,
                    "payment_mode_id": self.company.billing_payment_mode_id.id,
                    "amount_untaxed": 30,
                }
            ],
        )
        self.assertEqual(self.get_periods(merged), [("2026-02-05", "2027-02-04")] * 2)
        self.assertEqual(merged.invoice_line_ids.charge_ids.mapped("state"), ["drafted"] * 2)
        self.assertFalse(self.bill("2026-03-01").line_ids)
        self.bill("2026-04-01")
        self.assertEqual(merged.state, "posted")

    def test_the_minimum_is_in_the_companys_currency(self):
        dollar = self.env.ref("base.USD")
        dollar.active = True
        self.env["res.currency.rate"].create(
            {"currency_id": dollar.id, "rate": 2.0, "name": "2026-01-01", "company_id": self.company.id}
        )
        pricelist = self.company._ensure_billing_pricelist(dollar)
        subscription = self.make_subscription(self.month, self.cloudbox, start="2026-02-01", pricelist_id=pricelist.id)
        self.assertEqual(subscription.sale_subscription_line_ids.price_unit, 60)
        self.bill("2026-02-01")  # 72.60 dollars are 36.30 euros
        self.assertRecordValues(self.get_invoices(), [{"state": "draft", "currency_id": dollar.id}])
