"""Payment arrangements: who may make them, what they stop, and how they end."""

from datetime import date
from decimal import Decimal

from freezegun import freeze_time
from hypothesis import given
from hypothesis import strategies as st

from odoo import Command
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import BaseCase, HttpCase, new_test_user, tagged

from odoo.addons.bfocused_billing.instalments import equal_instalments

from .collection_common import CollectionCase


class TestEqualInstalments(BaseCase):
    @given(
        st.integers(1, 10**9),
        st.integers(1, 60),
        st.dates(date(2020, 1, 1), date(2080, 12, 31)),
        st.sampled_from([Decimal("0.01"), Decimal("0.05"), Decimal("1")]),
    )
    def test_they_are_the_amount_and_equal(self, steps, count, first, step):
        if count > steps:
            with self.assertRaises(ValueError):
                equal_instalments(steps * step, count, first, step)
            return
        terms = equal_instalments(steps * step, count, first, step)
        amounts = [amount for _day, amount in terms]
        days = [day for day, _amount in terms]
        self.assertEqual(sum(amounts), steps * step)
        self.assertEqual(len(terms), count)
        self.assertLessEqual(max(amounts) - min(amounts), step)
        self.assertGreater(min(amounts), 0)
        self.assertEqual(amounts, sorted(amounts, reverse=True))
        self.assertEqual(days[0], first)
        months = [day.year * 12 + day.month for day in days]
        self.assertEqual(months, list(range(months[0], months[0] + count)))
        self.assertTrue(all(day.day == first.day or day.day >= 28 for day in days))

    def test_the_last_day_of_a_month_stays_the_last(self):
        days = [day for day, _amount in equal_instalments(Decimal("100.00"), 3, date(2026, 1, 31))]
        self.assertEqual(days, [date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31)])

    def test_parts_of_a_cent_are_refused(self):
        with self.assertRaises(ValueError):
            equal_instalments(Decimal("1.005"), 2, date(2026, 1, 1))


class ArrangementCase(CollectionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.enterClassContext(freeze_time("2026-03-10 10:00:00"))
        cls.mandate = cls.make_sample_customer(cls.read_samples("mandates.csv")[0]["customer_number"])
        cls.payer = cls.mandate.partner_id
        cls.move = cls.make_invoice(cls.mandate, 100.0)
        cls.biller = new_test_user(
            cls.env,
            "arrangement_biller",
            "bfocused_billing.group_billing_user",
            company_id=cls.company.id,
            company_ids=[Command.set(cls.company.ids)],
        )

    def make_arrangement(self, moves=None, count=3, first="2026-04-01", user=None):
        moves = moves or self.move
        wizard = (
            self.env["bfocused.payment.arrangement.new"]
            .with_user(user or self.biller)
            .with_context(active_model="account.move", active_ids=moves.ids)
            .create({"count": count, "first_date": first, "reason": "Short of cash"})
        )
        return self.env["bfocused.payment.arrangement"].browse(wizard.action_make()["res_id"])

    def agree(self, *arguments, **values):
        arrangement = self.make_arrangement(*arguments, **values)
        arrangement.with_user(self.biller).action_agree()
        return arrangement

    def pay(self, move, amount=None):
        wizard = self.env["account.payment.register"].with_context(active_model="account.move", active_ids=move.ids)
        values = {"payment_date": "2026-03-10", **({"amount": amount} if amount else {})}
        return wizard.create(values)._create_payments()

    def watch(self, day):
        with freeze_time(f"{day} 10:00:00"), self.enter_registry_test_mode():
            cron = self.env.ref("bfocused_billing.ir_cron_watch_arrangements")
            self.assertIs(cron.method_direct_trigger(), True)


@tagged("post_install", "-at_install")
class TestPaymentArrangement(ArrangementCase):
    def test_the_wizard_proposes_equal_terms(self):
        arrangement = self.make_arrangement()
        self.assertEqual(arrangement.term_ids.mapped("amount"), [33.34, 33.33, 33.33])
        self.assertEqual(
            [str(day) for day in arrangement.term_ids.mapped("due_date")], ["2026-04-01", "2026-05-01", "2026-06-01"]
        )
        self.assertRecordValues(
            arrangement,
            [
                {
                    "state": "requested",
                    "amount": 100.0,
                    "open_amount": 100.0,
                    "partner_id": self.payer.id,
                    "company_id": self.company.id,
                    "currency_id": self.company.currency_id.id,
                }
            ],
        )

    def test_terms_that_are_not_what_is_open_are_not_agreed(self):
        arrangement = self.make_arrangement()
        arrangement.with_user(self.biller).term_ids[0].amount = 30.0
        with self.assertRaisesRegex(UserError, "96.66.*100.00"):
            arrangement.with_user(self.biller).action_agree()
        self.assertEqual(arrangement.state, "requested")

    def test_what_was_agreed_is_not_changed(self):
        arrangement = self.agree().with_user(self.biller)
        for values in ({"move_ids": [Command.clear()]}, {"term_ids": [Command.clear()]}, {"state": "kept"}):
            with self.subTest(values=values), self.assertRaises(UserError):
                arrangement.write(values)
        with self.assertRaises(UserError):
            arrangement.term_ids[0].amount = 1.0
        with self.assertRaises(UserError):
            arrangement.term_ids[0].unlink()
        with self.assertRaises(UserError):
            arrangement.unlink()
        with self.assertRaises(UserError):
            arrangement.action_refuse()

    def test_a_new_one_is_not_agreed_already(self):
        values = self.move._prepare_arrangement(2, date(2026, 4, 1), state="agreed")
        with self.assertRaises(UserError):
            self.env["bfocused.payment.arrangement"].with_user(self.biller).create(values)

    def test_invoices_that_do_not_belong_together(self):
        other = self.make_invoice(self.make_sample_customer(self.read_samples("mandates.csv")[1]["customer_number"]))
        dollars = self.make_invoice(self.mandate, currency_id=self.env.ref("base.USD").id)
        for wrong in (other, dollars):
            with self.assertRaises(UserError):
                self.make_arrangement(self.move + wrong)
            with self.assertRaises(ValidationError):
                arrangement = self.make_arrangement()
                arrangement.move_ids += wrong
            self.env["bfocused.payment.arrangement"].search([]).unlink()

    def test_an_invoice_is_in_one_arrangement(self):
        first = self.make_arrangement()
        with self.assertRaises(ValidationError):
            self.make_arrangement()
        first.with_user(self.biller).action_refuse()
        self.assertEqual(first.state, "refused")
        self.assertEqual(self.agree().state, "agreed")

    def test_while_it_is_agreed_nothing_is_collected(self):
        arrangement = self.make_arrangement()
        lines = self.env["account.move.line"]
        domain = self.move._get_to_collect_domain(self.mode)
        self.assertIn(self.move, lines.search(domain).move_id)
        arrangement.with_user(self.biller).action_agree()
        self.assertTrue(self.move.has_arrangement)
        self.assertNotIn(self.move, lines.search(domain).move_id)
        self.assertIn("arrangement", self.move._get_debit_problem(date(2026, 3, 20)))
        self.assertFalse(self.mode._collect(date(2026, 3, 10)))
        with self.assertRaises(UserError):
            self.make_order(self.move).draft2open()
        arrangement.with_user(self.biller).action_end()
        self.assertEqual(arrangement.state, "broken")
        self.assertIn(self.move, lines.search(domain).move_id)
        self.assertFalse(self.move._get_debit_problem(date(2026, 3, 20)))

    def test_payments_pay_the_oldest_terms_first_and_the_last_keeps_it(self):
        arrangement = self.agree()
        self.pay(self.move, 50.0)
        self.assertEqual(arrangement.term_ids.mapped("open_amount"), [0.0, 16.67, 33.33])
        self.assertEqual(arrangement.state, "agreed")
        self.pay(self.move)
        self.assertEqual(arrangement.term_ids.mapped("open_amount"), [0.0, 0.0, 0.0])
        self.assertEqual(arrangement.state, "kept")

    def test_it_is_kept_once_all_invoices_are_paid(self):
        other = self.make_invoice(self.mandate, 20.0)
        arrangement = self.agree(self.move + other)
        self.assertEqual(arrangement.amount, 120.0)
        self.pay(self.move)
        self.assertEqual(arrangement.state, "agreed")
        self.pay(other)
        self.assertEqual(arrangement.state, "kept")

    def test_a_term_may_be_late_for_the_days_of_grace(self):
        arrangement = self.agree()
        self.watch("2026-04-06")
        self.assertEqual(arrangement.state, "agreed")
        self.watch("2026-04-07")
        self.assertEqual(arrangement.state, "broken")
        [activity] = arrangement.activity_ids
        self.assertIn("33", activity.note)
        self.watch("2026-04-08")
        self.assertEqual(arrangement.activity_ids, activity)

    def test_a_paid_term_breaks_nothing(self):
        arrangement = self.agree()
        self.pay(self.move, 33.34)
        self.watch("2026-04-20")
        self.assertEqual(arrangement.state, "agreed")
        self.company.arrangement_grace_days = 30
        self.watch("2026-05-20")
        self.assertEqual(arrangement.state, "agreed")
        self.watch("2026-06-02")
        self.assertEqual(arrangement.state, "broken")

    def test_people_of_another_company_or_without_billing_see_nothing(self):
        arrangement = self.make_arrangement()
        elsewhere = self.env["res.company"].create({"name": "Elsewhere"})
        outsider = new_test_user(
            self.env,
            "arrangement_outsider",
            "bfocused_billing.group_billing_user",
            company_id=elsewhere.id,
            company_ids=[Command.set(elsewhere.ids)],
        )
        seller = new_test_user(self.env, "arrangement_seller", "sales_team.group_sale_salesman")
        self.assertFalse(self.env["bfocused.payment.arrangement"].with_user(outsider).search([]))
        for user in (outsider, seller):
            with self.assertRaises(AccessError):
                arrangement.with_user(user).read(["reason"])
            with self.assertRaises(AccessError):
                arrangement.with_user(user).action_agree()
            with self.assertRaises(AccessError):
                arrangement.term_ids.with_user(user).read(["amount"])


@tagged("post_install", "-at_install")
class TestArrangementPortal(ArrangementCase, HttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customer_user = cls.make_portal_user("arrangement_customer", cls.payer)
        cls.stranger = cls.make_portal_user("arrangement_stranger", cls.customer)

    @classmethod
    def make_portal_user(cls, login, company_partner):
        user = new_test_user(
            cls.env, login, "base.group_portal", company_id=cls.company.id, company_ids=[Command.set(cls.company.ids)]
        )
        user.partner_id.parent_id = company_partner
        return user

    def get_page(self):
        return self.url_open(f"/my/invoices/{self.move.id}").text

    def ask(self, count="3", reason="Short of cash", number=None):
        csrf = self.url_open("/my/mandates").text.split('name="csrf_token" value="')[1].split('"')[0]
        return self.url_open(
            f"/my/invoices/{number or self.move.id}/arrangement",
            data={"csrf_token": csrf, "count": count, "reason": reason},
        )

    def get_arrangements(self):
        return self.env["bfocused.payment.arrangement"].search([("company_id", "=", self.company.id)])

    def test_a_customer_asks_and_reads_the_answer(self):
        self.authenticate("arrangement_customer", "arrangement_customer")
        self.assertIn("o_arrangement_request", self.get_page())
        page = self.ask().text
        arrangement = self.get_arrangements()
        self.assertRecordValues(
            arrangement,
            [{"state": "requested", "asked_by": "customer", "reason": "Short of cash", "partner_id": self.payer.id}],
        )
        self.assertEqual(arrangement.term_ids.mapped("amount"), [33.34, 33.33, 33.33])
        self.assertEqual(len(arrangement.activity_ids), 1)
        self.assertIn("33.34", page.replace(",", "."))
        self.assertNotIn("o_arrangement_request", self.get_page())
        arrangement.with_user(self.biller).action_agree()
        self.assertFalse(arrangement.activity_ids)
        self.assertIn(self.move.name, self.url_open("/my/arrangements").text)

    def test_what_the_form_does_not_offer_makes_nothing(self):
        self.authenticate("arrangement_customer", "arrangement_customer")
        for values in ({"count": "1"}, {"count": "7"}, {"count": "x"}, {"reason": "  "}, {"count": "-3"}):
            with self.subTest(values=values):
                self.ask(**values)
                self.assertFalse(self.get_arrangements())
        self.company.arrangement_max_terms = 0
        self.assertNotIn("o_arrangement_request", self.get_page())
        self.ask(count="2")
        self.assertFalse(self.get_arrangements())

    def test_a_stranger_sees_and_asks_nothing(self):
        arrangement = self.agree()
        self.authenticate("arrangement_stranger", "arrangement_stranger")
        self.assertNotIn(self.move.name, self.url_open("/my/arrangements").text)
        page = self.url_open(f"/my/arrangements/{arrangement.id}")
        self.assertNotIn(self.move.name, page.text)
        self.assertTrue(page.url.endswith("/my/arrangements"))
        other = self.make_invoice(self.mandate, 50.0)
        self.ask(number=other.id)
        self.assertEqual(self.get_arrangements(), arrangement)
        with self.assertRaises(AccessError):
            arrangement.with_user(self.stranger).read(["reason"])
        with self.assertRaises(AccessError):
            arrangement.term_ids.with_user(self.stranger).read(["amount"])

    def test_customers_only_read(self):
        arrangement = self.make_arrangement()
        arrangement.with_user(self.customer_user).read(["reason", "state"])
        for change in (
            lambda: arrangement.with_user(self.customer_user).action_agree(),
            lambda: arrangement.with_user(self.customer_user).write({"reason": "x"}),
            lambda: arrangement.term_ids.with_user(self.customer_user).write({"amount": 1.0}),
        ):
            with self.assertRaises(AccessError):
                change()
