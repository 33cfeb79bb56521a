from itertools import product

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import UserError

from odoo.addons.bfocused_billing.drafting.group import BillingGroup

from .common import day
from .deferral_common import DeferralCase


@freeze_time("2026-02-10")
class TestDeferralManual(DeferralCase):
    """R5 for any customer invoice, also one made by hand or from an order: what confirming it does."""

    def test_confirming_it_under_the_minimum_defers_it_and_says_until_when_and_why(self):
        invoice = self.make_invoice()
        action = invoice.action_post()
        self.assertRecordValues(
            invoice, [{"state": "draft", "deferral_state": "deferred", "deferred_until": day("2026-04-01")}]
        )
        self.assertEqual(action["params"]["message"], invoice.deferral_reason)
        self.assertIn("Under €", invoice.deferral_reason.replace("\xa0", " "))
        self.assertIn("1 April 2026", invoice.deferral_reason)
        self.assertIn("1 April 2026", invoice.message_ids[0].body)

    def test_run_decides_as_a_confirmation_does(self):
        dates, wishes, prices = ("2026-02-01", "2026-03-15", "2026-04-10"), (False, "always", "never"), (20, 41.32, 100)
        for date, wish, price in product(dates, wishes, prices):
            with self.subTest(date=date, wish=wish, price=price), freeze_time(date):
                self.customer.with_company(self.company).billing_deferral = wish
                invoice = self.make_invoice(price, invoice_date=date)
                group = BillingGroup(invoice._get_invoice_terms(), self.customer)
                group.amount_untaxed, group.amount_total = invoice.amount_untaxed, invoice.amount_total
                self.assertEqual(self.make_run(date)._get_deferral_date(group), invoice._get_confirmed_deferral_date())

    def test_another_minimum_for_some_customers_holds_for_run_confirmation_release_and_reason(self):
        partners = self.env.registry["res.partner"]
        usual, baker = partners._get_deferral_terms, self.make_customer("Bakker")

        def get_deferral_terms(partner, company):
            terms = usual(partner, company)
            return terms._replace(minimum=100, release="threshold") if partner == baker else terms

        self.patch(partners, "_get_deferral_terms", get_deferral_terms)
        waiting = self.make_waiting(50, customer=baker)
        self.assertIn("100.00", waiting.deferral_reason)
        self.assertIn("reaches", waiting.deferral_reason)
        usual_one = self.make_invoice(50)
        usual_one.action_post()
        self.assertEqual(usual_one.state, "posted")
        self.make_subscription(self.month, self.cloudbox, start="2026-03-01", customer=baker)
        self.bill("2026-03-01")
        self.assertFalse(self.get_posted(baker))
        self.make_invoice(customer=baker).action_post()
        self.assertEqual(sum(self.get_posted(baker).mapped("amount_untaxed")), 100)

    def test_with_send_anyway(self):
        invoice = self.make_waiting()
        invoice.action_send_anyway()
        self.assertRecordValues(
            invoice, [{"state": "posted", "deferral_state": "released", "invoice_date": day("2026-02-10")}]
        )

    def test_send_anyway_keeps_the_payment_term(self):
        term = self.env["account.payment.term"].create(
            {"name": "30 days", "line_ids": [Command.create({"value": "percent", "value_amount": 100, "nb_days": 30})]}
        )
        invoice = self.make_waiting(invoice_payment_term_id=term.id)
        with freeze_time("2026-02-20"):
            invoice.action_send_anyway()
        self.assertEqual(invoice.invoice_date_due, day("2026-03-22"))

    def test_confirming_it_again_says_again_until_when_and_why_and_changes_nothing(self):
        invoice = self.make_waiting()
        messages = invoice.message_ids
        with freeze_time("2026-02-20"):
            for confirm in (invoice.action_post, invoice.action_validate_moves_with_confirmation):
                self.assertEqual(confirm()["params"]["message"], invoice.deferral_reason)
            wizard = self.env["validate.account.move"].create({"move_ids": invoice.ids})
            self.assertEqual(wizard.validate_move()["params"]["message"], invoice.deferral_reason)
        self.assertRecordValues(
            invoice, [{"state": "draft", "deferral_state": "deferred", "deferred_until": day("2026-04-01")}]
        )
        self.assertEqual(invoice.message_ids, messages)
        invoice.action_send_anyway()
        self.assertEqual(invoice.state, "posted")

    def test_confirming_many_defers_the_small_ones_and_posts_the_others(self):
        small, other, big = self.make_invoice(), self.make_invoice(), self.make_invoice(100)
        wizard = self.env["validate.account.move"].create({"move_ids": (small + other + big).ids})
        self.assertIn("2", wizard.validate_move()["params"]["message"])
        self.assertEqual((small + other + big).mapped("state"), ["draft", "draft", "posted"])

    def test_confirming_many_from_the_list_defers_the_small_ones(self):
        small, big = self.make_invoice(), self.make_invoice(100)
        (small + big).action_validate_moves_with_confirmation()
        self.assertEqual((small + big).mapped("state"), ["draft", "posted"])

    def test_what_odoo_confirms_by_itself_on_its_day_is_deferred_too(self):
        once = self.make_invoice(auto_post="at_date")
        monthly = self.make_invoice(auto_post="monthly", invoice_date="2026-02-10", date="2026-02-10")
        big = self.make_invoice(100, auto_post="at_date")
        (once + monthly)._defer_small()
        self.assertEqual((once + monthly).mapped("deferral_state"), ["deferred"] * 2)
        self.assertEqual((once + monthly).mapped("auto_post"), ["no"] * 2)
        following = self.get_invoices() - once - monthly - big
        self.assertRecordValues(
            following, [{"state": "draft", "auto_post": "monthly", "invoice_date": day("2026-03-10")}]
        )

    def test_the_scheduled_action_of_odoo_defers_what_is_small(self):
        small, big = self.make_invoice(auto_post="at_date"), self.make_invoice(100, auto_post="at_date")
        with self.enter_registry_test_mode():
            cron = self.env.ref("account.ir_cron_auto_post_draft_entry")
            self.assertIs(cron.method_direct_trigger(), True)
        self.assertEqual(small.deferral_state, "deferred")
        self.assertEqual((small + big).mapped("state"), ["draft", "posted"])

    # === the minimum

    def test_on_the_total_with_or_without_vat(self):
        with_vat = self.make_invoice(45)  # 54.45
        with_vat.action_post()
        self.assertEqual(with_vat.state, "posted")
        self.company.billing_min_amount_base = "untaxed"
        without_vat = self.make_invoice(45)
        without_vat.action_post()
        self.assertEqual(without_vat.deferral_state, "deferred")

    def test_exactly_the_minimum_is_sent(self):
        exact, cent = self.make_invoice(41.32), self.make_invoice(41.31)  # 50.00 and 49.99
        (exact + cent).action_post()
        self.assertEqual((exact + cent).mapped("state"), ["posted", "draft"])

    def test_the_minimum_is_in_the_companys_currency(self):
        dollar = self.make_rate(2.0)
        small = self.make_invoice(80, currency_id=dollar.id)  # 96.80 dollars are 48.40 euros
        big = self.make_invoice(85, currency_id=dollar.id)
        (small + big).action_post()
        self.assertEqual((small + big).mapped("state"), ["draft", "posted"])

    def test_per_customer_exempt_or_always(self):
        customer = self.customer.with_company(self.company)
        customer.billing_deferral = "never"
        exempt = self.make_invoice()
        exempt.action_post()
        self.assertEqual(exempt.state, "posted")
        customer.billing_deferral = "always"
        waiting = self.make_invoice(1000)
        waiting.action_post()
        self.assertEqual(waiting.deferral_state, "deferred")
        self.assertIn("one invoice a quarter", waiting.deferral_reason)

    def test_per_customer_is_per_company_and_for_all_its_addresses(self):
        address = self.env["res.partner"].create({"name": "Invoices", "parent_id": self.customer.id, "type": "invoice"})
        other = self.env["res.company"].create({"name": "Another company"})
        self.customer.with_company(other).billing_deferral = "never"
        invoice = self.make_invoice(customer=address)
        invoice.action_post()
        self.assertEqual(invoice.deferral_state, "deferred")

    # === what is never deferred

    def test_settings_off_is_untouched(self):
        self.company.billing_min_amount = 0
        invoice = self.make_invoice()
        self.assertIs(invoice.action_post(), False)
        self.assertEqual(invoice.state, "posted")

    def test_companies_that_do_not_use_billing_are_untouched(self):
        self.company.use_billing = False
        invoices = self.make_invoice() + self.make_invoice() + self.make_invoice()
        first, second, third = invoices
        self.assertIs(first.action_post(), False)
        second.action_validate_moves_with_confirmation()
        self.env["validate.account.move"].create({"move_ids": third.ids}).validate_move()
        self.assertRecordValues(
            invoices, [{"state": "posted", "deferral_state": "none", "last_invoice_date": False}] * 3
        )

    def test_in_the_first_month_of_a_quarter_everything_is_sent(self):
        january = self.make_invoice(invoice_date="2026-01-15")
        january.action_post()
        self.assertEqual(january.state, "posted")

    def test_where_billing_was_switched_off_a_draft_that_waited_is_confirmed_as_any_other(self):
        one, other = self.make_waiting(20.0), self.make_waiting(20.0)
        self.company.use_billing = False
        one.action_post()
        other.action_validate_moves_with_confirmation()
        self.assertEqual((one + other).mapped("state"), ["posted", "posted"])

    def test_an_invoice_confirmed_together_with_what_it_takes_along(self):
        self.company.billing_deferral_release = "threshold"
        waiting, new = self.make_waiting(20.0), self.make_invoice(35.0)
        (new + waiting).action_post()
        self.assertEqual(new.state, "posted")
        self.assertEqual(new.amount_untaxed, 55.0)
        self.assertEqual(waiting.state, "cancel")
        with self.assertRaises(UserError):
            new.action_post()

    def test_sent_anyway_it_is_collected_with_the_mandate_of_today(self):
        waiting = self.make_waiting(20.0)
        old = waiting.mandate_id
        self.assertTrue(old)
        old.cancel()
        new = self.make_mandate(self.customer)
        waiting.action_send_anyway()
        self.assertRecordValues(waiting, [{"state": "posted", "mandate_id": new.id}])

    def test_negative_totals_and_credit_notes_are_never_deferred(self):
        free = self.make_invoice(0)
        credit = self.make_invoice(move_type="out_refund")
        bill = self.make_invoice(move_type="in_invoice", invoice_date="2026-02-10", payment_mode_id=False)
        (free + credit + bill).action_post()
        self.assertEqual((free + credit + bill).mapped("state"), ["posted"] * 3)

    def test_an_invoice_that_was_sent_before_is_not_deferred_when_it_is_confirmed_again(self):
        invoice = self.make_invoice(100)
        invoice.action_post()
        invoice.button_draft()
        invoice.invoice_line_ids.price_unit = 10
        invoice.action_post()
        self.assertEqual(invoice.state, "posted")

    def test_a_down_payment_of_an_order_is_not_deferred(self):
        order = self.make_order(100)
        wizard = self.env["sale.advance.payment.inv"].with_context(active_model="sale.order", active_ids=order.ids)
        wizard.create({"advance_payment_method": "percentage", "amount": 10}).create_invoices()
        invoice = order.invoice_ids
        invoice.action_post()
        self.assertRecordValues(invoice, [{"state": "posted", "amount_untaxed": 10}])

    def test_an_online_payment_posts_its_invoice(self):
        provider = self.env["payment.provider"].create({"name": "Dummy", "code": "none", "company_id": self.company.id})
        self._create_dummy_payment_method_for_provider(provider, self.company_data["default_journal_bank"])
        invoices = self.make_invoice() + self.make_waiting()
        for invoice in invoices:
            transaction = self.env["payment.transaction"].create(
                {
                    "provider_id": provider.id,
                    "payment_method_id": self.env.ref("payment.payment_method_unknown").id,
                    "reference": f"tx-{invoice.id}",
                    "amount": invoice.amount_total,
                    "currency_id": invoice.currency_id.id,
                    "partner_id": invoice.partner_id.id,
                    "invoice_ids": [Command.set(invoice.ids)],
                    "state": "done",
                }
            )
            with self.mocked_get_payment_method_information("none"):
                transaction._post_process()
        self.assertEqual(invoices.mapped("state"), ["posted"] * 2)
        self.assertEqual(invoices.transaction_ids.payment_id.mapped("amount"), [24.2] * 2)

    # === rights

    def test_who_may_only_invoice_can_confirm_what_is_small_and_what_takes_others_along(self):
        self.make_subscription(self.month, self.cloudbox, start="2026-02-01")
        self.bill("2026-02-01")
        invoicer = self.env["res.users"].create(
            {
                "name": "Invoicer",
                "login": "invoicer",
                "company_id": self.company.id,
                "company_ids": [Command.set(self.company.ids)],
                "group_ids": [Command.set(self.env.ref("account.group_account_invoice").ids)],
            }
        )
        self.assertTrue(self.make_invoice(5).with_user(invoicer).action_post())
        self.company.billing_deferral_release = "threshold"
        last = self.make_invoice(15)
        last.with_user(invoicer).action_post()
        self.assertRecordValues(last, [{"state": "posted", "amount_untaxed": 50}])
        self.assertEqual(last.invoice_line_ids.charge_ids.mapped("state"), ["billed"])

    # === threshold

    def test_as_soon_as_the_waiting_total_reaches_the_minimum_the_confirmed_one_takes_the_others_along(self):
        self.company.billing_deferral_release = "threshold"
        first, second = self.make_waiting(), self.make_waiting(invoice_user_id=False)
        third = self.make_invoice()
        self.assertIs(third.action_post(), False)
        self.assertRecordValues(third, [{"state": "posted", "amount_untaxed": 60, "amount_total": 72.6}])
        self.assertEqual((first + second).mapped("state"), ["cancel"] * 2)
        self.assertFalse((first + second).line_ids)
        self.assertEqual(third.invoice_date, day("2026-02-10"))
        self.assertIn(f'data-oe-id="{third.id}"', first.message_ids[0].body.replace("'", '"'))

    def test_what_waits_on_other_terms_is_released_beside_it(self):
        self.company.billing_deferral_release = "threshold"
        waiting = self.make_waiting(payment_mode_id=self.make_transfer_mode().id)
        second = self.make_invoice(25)
        second.action_post()
        self.assertRecordValues(
            waiting + second, [{"state": "posted", "amount_untaxed": 20}, {"state": "posted", "amount_untaxed": 25}]
        )

    def test_the_confirmed_one_takes_over_how_the_others_are_collected_where_it_leaves_that_open(self):
        self.company.billing_deferral_release = "threshold"
        self.make_waiting()
        last = self.make_invoice(25, payment_mode_id=False)
        last.action_post()
        mandate = self.customer._get_billing_mandate(self.company)
        self.assertRecordValues(last, [{"state": "posted", "amount_untaxed": 45, "mandate_id": mandate.id}])

    def test_what_cannot_be_collected_waits_on(self):
        self.company.billing_deferral_release = "threshold"
        waiting = self.make_waiting()
        self.customer._get_billing_mandate(self.company).cancel()
        last = self.make_invoice(25, payment_mode_id=self.make_transfer_mode().id)
        last.action_post()
        self.assertEqual((last + waiting).mapped("state"), ["posted", "draft"])

    def test_confirmed_together_they_reach_the_minimum_together(self):
        self.company.billing_deferral_release = "threshold"
        first, second = self.make_invoice(), self.make_invoice(25)
        (first + second).action_post()
        self.assertRecordValues(second, [{"state": "posted", "amount_untaxed": 45}])
        self.assertEqual(first.state, "cancel")

    def test_another_customer_or_the_quarter_policy_releases_nothing(self):
        waiting = self.make_waiting()
        self.make_waiting(30)
        self.company.billing_deferral_release = "threshold"
        self.make_waiting(customer=self.make_customer("Slagerij"))
        self.assertEqual(waiting.state, "draft")
        self.assertIn("reaches", self.make_waiting(1, customer=self.make_customer("Kapper")).deferral_reason)
