from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import UserError, ValidationError

from odoo.addons.bfocused_billing.drafting.bulk import BulkDrafter

from .common import day
from .deferral_common import DeferralCase


@freeze_time("2026-02-10")
class TestDeferralLaw(DeferralCase):
    """Each deferred charge shows its nature and its last lawful invoice date; what is issued, what is late."""

    # === nature and date

    def test_each_deferred_charge_shows_its_nature_and_its_last_lawful_invoice_date(self):
        self.make_subscription(self.month, self.cloudbox, start="2026-02-01")
        self.bill("2026-02-01")
        continuing, separate = self.get_invoices(), self.make_waiting()
        self.assertEqual(continuing.invoice_line_ids.supply_nature, "continuing")
        self.assertEqual(separate.invoice_line_ids.supply_nature, "separate")
        self.assertEqual((continuing + separate).mapped("last_invoice_date"), [day("2026-03-15")] * 2)
        self.assertRecordValues(
            continuing.invoice_line_ids.charge_ids,
            [{"supply_nature": "continuing", "last_invoice_date": day("2026-03-15")}],
        )

    def test_the_date_counts_from_the_delivery_and_stays_when_the_invoice_date_moves(self):
        invoice = self.make_waiting(delivery_date="2026-01-20")
        self.assertEqual(invoice.last_invoice_date, day("2026-02-15"))
        invoice.invoice_date = "2026-03-20"
        self.assertEqual(invoice.last_invoice_date, day("2026-02-15"))

    def test_the_date_of_mixed_natures_is_the_first_of_them(self):
        invoice = self.make_waiting()
        invoice.invoice_line_ids = [
            Command.create(
                {
                    "product_id": self.cloudbox.id,
                    "price_unit": 1,
                    "start_date": "2026-02-01",
                    "end_date": "2026-04-30",
                }
            ),
            Command.create({"display_type": "line_note", "name": "Note"}),
        ]
        lines = invoice.invoice_line_ids.sorted("id")
        self.assertEqual(lines.mapped("supply_nature"), ["separate", "continuing", False])
        self.assertEqual(lines.mapped("last_invoice_date"), [day("2026-03-15"), day("2026-05-15"), False])
        self.assertEqual(invoice.last_invoice_date, day("2026-03-15"))

    def test_what_was_sent_has_no_last_lawful_date(self):
        invoice = self.make_waiting()
        invoice.action_send_anyway()
        self.assertFalse(invoice.last_invoice_date)

    def test_what_is_merged_keeps_its_day_of_supply(self):
        self.make_waiting(invoice_date="2026-02-01")
        with freeze_time("2026-03-05"):
            self.make_waiting()
        self.customer._get_billing_mandate(self.company).cancel()
        with freeze_time("2026-04-01"):
            self.assertEqual(self.bill("2026-04-01").line_ids.outcome, "held")
            self.make_mandate(self.customer)
            self.bill("2026-04-01")
        self.assertEqual(
            sorted(self.get_posted().invoice_line_ids.mapped("supply_date")), [day("2026-02-01"), day("2026-03-05")]
        )

    # === list and warning

    def test_what_passes_its_date_is_on_a_list(self):
        near = [("is_lawful_date_near", "=", True), ("company_id", "=", self.company.id)]
        late = [("last_invoice_date", "<", "today"), ("company_id", "=", self.company.id)]
        invoice = self.make_waiting()
        moves = self.env["account.move"]
        for text, is_near, is_late in (
            ("2026-02-28", False, False),
            ("2026-03-01", True, False),
            ("2026-03-15", True, False),
            ("2026-03-16", True, True),
        ):
            with freeze_time(text), self.subTest(text):
                invoice.invalidate_recordset()
                self.assertEqual(invoice.is_lawful_date_near, is_near)
                self.assertEqual(moves.search(near), invoice if is_near else moves)
                self.assertEqual(moves.search(late), invoice if is_late else moves)
        invoice.action_send_anyway()
        with freeze_time("2026-03-16"):
            self.assertFalse(moves.search(near) + moves.search(late))

    def test_and_warned_about_beforehand(self):
        invoice = self.make_waiting()
        self.warn()
        self.assertFalse(invoice.activity_ids)
        with freeze_time("2026-03-02"):
            self.warn()
            self.warn()
        self.assertRecordValues(
            invoice.activity_ids, [{"date_deadline": day("2026-03-15"), "user_id": invoice.invoice_user_id.id}]
        )

    def test_who_is_warned_is_a_person(self):
        invoice = self.make_waiting(invoice_user_id=False)
        robot = self.env.ref("base.user_root")
        invoice.with_user(robot).invoice_user_id = False
        self.assertNotEqual(invoice._get_deferral_user(), robot)
        with freeze_time("2026-03-02"):
            self.warn()
        self.assertNotEqual(invoice.activity_ids.user_id, robot)

    def test_the_days_to_warn_are_a_setting(self):
        self.company.billing_deferral_warning_days = 40
        invoice = self.make_waiting()
        self.warn()
        self.assertEqual(len(invoice.activity_ids), 1)
        with self.assertRaises(ValidationError):
            self.company.billing_deferral_warning_days = -1

    def warn(self):
        with self.enter_registry_test_mode():
            cron = self.env.ref("bfocused_billing.ir_cron_warn_deferred")
            self.assertIs(cron.method_direct_trigger(), True)

    # === issue it now

    def test_issue_it_now_and_hold_only_the_collection_until_the_quarter_batch(self):
        self.company.write({"billing_deferral_continuing": "issue", "billing_deferral_separate": "issue"})
        self.make_subscription(self.month, self.cloudbox, start="2026-02-01")
        self.bill("2026-02-01")
        self.make_invoice().action_post()
        expected = {
            "state": "posted",
            "deferral_state": "none",
            "collection_date": day("2026-04-01"),
            "invoice_date_due": day("2026-04-01"),
        }
        self.assertRecordValues(self.get_invoices(), [expected] * 2)
        with freeze_time("2026-04-01"):
            self.bill("2026-04-01")
        self.assertEqual(self.get_invoices()[-1].collection_date, False)

    def test_a_setting_chooses_per_nature(self):
        self.company.billing_deferral_continuing = "issue"
        self.make_subscription(self.month, self.cloudbox, start="2026-02-01")
        self.bill("2026-02-01")
        separate = self.make_invoice()
        separate.action_post()
        self.assertEqual(self.get_invoices().mapped("state"), ["posted", "draft"])
        self.company.write({"billing_deferral_continuing": "hold", "billing_deferral_separate": "issue"})
        self.bill("2026-03-01")
        other = self.make_invoice()
        other.action_post()
        self.assertEqual(self.get_invoices().mapped("state"), ["posted", "draft", "draft", "posted"])

    def test_mixed_natures_in_one_invoice_are_issued_when_one_of_them_is(self):
        self.company.billing_deferral_separate = "issue"
        period = {"product_id": self.cloudbox.id, "price_unit": 1, "start_date": "2026-02-01", "end_date": "2026-02-28"}
        mixed, continuing = self.make_invoice(), self.make_invoice()
        mixed.invoice_line_ids = [Command.create(period)]
        continuing.invoice_line_ids = [Command.clear(), Command.create(period)]
        (mixed + continuing).action_post()
        self.assertEqual((mixed + continuing).mapped("state"), ["posted", "draft"])

    def test_a_customer_who_always_waits_is_issued_too(self):
        self.company.billing_deferral_continuing = "issue"
        self.customer.with_company(self.company).billing_deferral = "always"
        self.make_subscription(self.month, *[self.cloudbox] * 3, start="2026-02-01")
        self.bill("2026-02-01")
        self.assertRecordValues(self.get_invoices(), [{"state": "posted", "collection_date": day("2026-04-01")}])

    def test_it_is_issued_in_bulk_as_the_others_are(self):
        self.company.billing_deferral_continuing = "issue"
        self.make_subscription(self.month, self.cloudbox, start="2026-02-01")
        seen, original = [], BulkDrafter.is_draftable
        self.patch(BulkDrafter, "is_draftable", lambda self, vals: seen.append(original(self, vals)) or seen[-1])
        self.bill("2026-02-01")
        self.assertEqual(seen, [True])

    # === collection

    def make_payment_order(self, **values):
        mode = self.company.billing_payment_mode_id
        mode.default_target_move = "posted"
        journal = self.company_data["default_journal_bank"]
        return self.env["account.payment.order"].create(
            {"payment_mode_id": mode.id, "payment_type": "inbound", "journal_id": journal.id, **values}
        )

    def get_proposed(self, order, **values):
        wizard = self.env["account.payment.line.create"].with_context(
            active_model="account.payment.order", active_id=order.id
        )
        wizard = wizard.create({"date_type": "move", "filter_date": "2026-12-31", **values})
        return self.env["account.move.line"].search(wizard.move_line_domain).move_id

    def test_its_line_is_not_collected_before_the_quarter_turn(self):
        self.company.billing_deferral_separate = "issue"
        small, big = self.make_invoice(), self.make_invoice(100)
        (small + big).action_post()
        order = self.make_payment_order(date_prefered="now")
        self.assertEqual(self.get_proposed(order), big)
        with self.assertRaisesRegex(UserError, "1 April 2026"):
            small.create_account_payment_line()
        fixed = self.make_payment_order(date_prefered="fixed", date_scheduled="2026-03-31")
        self.assertEqual(self.get_proposed(fixed), big)
        fixed.date_scheduled = "2026-04-01"
        self.assertEqual(self.get_proposed(fixed), small + big)
        due = self.make_payment_order(date_prefered="due")
        self.assertEqual(self.get_proposed(due), small + big)
        with freeze_time("2026-04-01"):
            self.assertEqual(self.get_proposed(order), small + big)
            small.create_account_payment_line()
        self.assertEqual(len(small.line_ids.payment_line_ids), 1)

    def test_a_payment_order_whose_date_was_moved_forward_is_not_confirmed(self):
        self.company.billing_deferral_separate = "issue"
        small = self.make_invoice()
        small.action_post()
        order = self.make_payment_order(date_prefered="fixed", date_scheduled="2026-04-01")
        receivable = small.line_ids.filtered(lambda line: line.display_type == "payment_term")
        receivable.create_payment_line_from_move_line(order)
        order.date_scheduled = "2026-03-01"
        with self.assertRaisesRegex(UserError, "1 April 2026"):
            order.draft2open()
