from odoo import Command
from odoo.exceptions import UserError

from .common import day
from .usage_common import HEADER, UsageCase


class TestUsageBilling(UsageCase):
    """Calls on the invoice: a month in arrears, per number and destination class, each once."""

    def get_open(self, date="2026-02-01"):
        charges = self.env["bfocused.billing.charge"]
        charges._rebook_void_usage(self.company)
        return charges._get_open_usage_charges(self.company, day(date))

    def get_items(self, charges):
        return charges._get_items(charges.partner_id, self.env["account.fiscal.position"])

    def put_on_a_move(self, charges, post=False):
        """An invoice of these charges alone, for what a line and its charge tell of each other; no run is played."""
        move = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": charges.partner_id.id,
                "invoice_date": "2026-02-01",
                "invoice_line_ids": [Command.create(item.values) for item in self.get_items(charges)],
            }
        )
        for charge, line in zip(charges, move.invoice_line_ids, strict=True):
            charge.sudo().move_line_id = line
        if post:
            move.action_post()
        return move

    def test_a_month_is_billed_once_it_is_over(self):
        self.load(self.calls(2))
        self.assertFalse(self.get_open("2026-01-31"))
        self.assertEqual(len(self.get_open("2026-02-01")), 1)

    def test_the_line_tells_number_class_month_calls_and_minutes(self):
        self.load(self.calls(2))
        charge = self.get_open()
        self.customer.lang = "en_US"
        values = self.get_items(charge)[0].values
        self.assertEqual(
            values["name"],
            "Call costs +31201234567, mobile, 1 January 2026 to 31 January 2026 (2 calls, 2:00 min)",
        )
        self.assertEqual((values["price_unit"], values["quantity"]), (0.24, 1))
        self.assertEqual((values["start_date"], values["end_date"]), (day("2026-01-01"), day("2026-01-31")))
        self.assertEqual(values["product_id"], self.calls_product.id)
        self.assertEqual(values["tax_ids"], [Command.set(self.company_data["default_tax_sale"].ids)])
        self.assertEqual(self.put_on_a_move(charge).amount_untaxed, 0.24)

    def test_one_line_per_number_and_class(self):
        self.make_number("0201234568", self.customer)
        self.load(
            HEADER
            + "0201234567,06,2026-01-05 10:00:00,60,0.10,mobile,a\n"
            + "0201234567,030,2026-01-05 10:00:00,60,0.20,national,b\n"
            + "0201234568,06,2026-01-05 10:00:00,60,0.30,mobile,c\n"
            + "0201234568,06,2026-01-06 10:00:00,60,0.40,mobile,d\n"
        )
        self.assertEqual(self.get_open().mapped("amount_untaxed"), [0.2, 0.1, 0.7])

    def test_a_deleted_draft_opens_its_charges_again(self):
        self.load(self.calls(2))
        charge = self.get_open()
        move = self.put_on_a_move(charge)
        self.assertEqual(charge.state, "drafted")
        self.assertFalse(self.get_open())
        move.invoice_line_ids.price_unit = 99
        move.unlink()
        self.assertEqual(self.get_open(), charge)
        self.assertEqual(charge.amount_untaxed, 0.24)

    def test_terms_are_the_subscriptions_or_else_the_customers(self):
        self.load(self.calls(1))
        charge = self.get_open()
        invoicing = self.env["res.partner"].create(
            {"name": "Accounts", "parent_id": self.customer.id, "type": "invoice"}
        )
        self.assertEqual(charge._get_usage_terms(), (self.env["sale.subscription"], invoicing))
        subscription = self.make_subscription(self.month, self.cloudbox)
        self.number.subscription_id = subscription
        self.assertEqual(charge._get_usage_terms(), (subscription, subscription._get_billing_partner()))

    def test_without_product_of_call_costs_billing_says_so(self):
        self.load(self.calls(1))
        self.company.usage_product_id = False
        charge = self.get_open()
        self.assertEqual(self.number._get_product(), self.company._get_usage_product())
        self.env["product.product"].search(
            [("categ_id", "=", self.env.ref("bfocused_billing.categ_call_costs").id)]
        ).active = False
        with self.assertRaisesRegex(UserError, "product of call costs"):
            self.get_items(charge)

    def test_the_specification_lists_the_calls_of_the_invoice(self):
        self.load(self.calls(2))
        self.load(self.calls(1, month="2026-02"))
        move = self.put_on_a_move(self.get_open(), post=True)
        self.assertTrue(move.has_usage)
        move.action_download_usage()
        move.action_download_usage()
        attachment = self.env["ir.attachment"].search(
            [("res_model", "=", "account.move"), ("res_id", "=", move.id), ("mimetype", "=", "text/csv")]
        )
        rows = attachment.raw.decode("utf-8-sig").splitlines()
        self.assertEqual(len(rows), 3)
        self.assertEqual(rows[1], "+31201234567;mobiel;2026-01-05 10:00:00;+31612345678;60;0,120000")
        html, _kind = self.env["ir.actions.report"]._render_qweb_html(
            "bfocused_billing.report_usage_specification", move.ids
        )
        self.assertIn(b"2026-01-06 10:00:00", html)
        self.assertNotIn(b"2026-02-05", html)
        with self.assertRaises(UserError):
            self.init_invoice("out_invoice", products=self.router)._attach_usage_specification()

    def test_sixty_lines_take_as_many_queries_as_ten(self):
        self.env["bfocused.usage.number"].create(
            [{"name": f"02040000{index:02}", "partner_id": self.customer.id} for index in range(60)]
        )
        rows = [f"02040000{index:02},06,2026-01-05 10:00:00,60,0.10,mobile,{index}\n" for index in range(60)]
        self.load(HEADER + "".join(rows))
        charges = self.get_open()
        counts = []
        for some in (charges[:10], charges):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            self.get_items(some)
            counts.append(self.env.cr.sql_log_count - before)
        self.assertLessEqual(counts[1], counts[0] + 2)


class TestUsageInTheRun(UsageCase):
    """The month turn bills the calls of the month before on the customer's one invoice."""

    def get_state(self):
        return self.get_charges().mapped("state")

    def test_calls_stand_on_the_same_invoice_as_the_subscriptions(self):
        self.make_subscription(self.month, self.cloudbox, self.cloudbox, start="2026-02-01")
        self.load(self.calls(2))
        run = self.bill("2026-02-01")
        self.assertRecordValues(self.get_invoices(), [{"state": "posted", "amount_untaxed": 60.24}])
        self.assertRecordValues(run.line_ids, [{"outcome": "invoiced", "amount_untaxed": 60.24}])
        self.assertEqual(self.get_state(), ["billed"])
        self.assertFalse(self.bill("2026-02-01").line_ids)

    def test_a_model_of_analytic_distribution_holds_for_calls_too(self):
        plan = self.env["account.analytic.plan"].create({"name": "Plan"})
        account = self.env["account.analytic.account"].create({"name": "Calls", "plan_id": plan.id})
        split = {str(account.id): 100.0}
        self.env["account.analytic.distribution.model"].create(
            {"product_id": self.calls_product.id, "analytic_distribution": split}
        )
        self.load(self.calls(2))
        self.bill("2026-02-01")
        lines = self.get_invoices().invoice_line_ids
        self.assertEqual(lines.mapped("analytic_distribution"), [split])

    def test_calls_alone_under_the_minimum_wait_for_the_quarter_turn(self):
        self.load(self.calls(2))
        run = self.bill("2026-02-01")
        self.assertRecordValues(run.line_ids, [{"outcome": "deferred", "amount_untaxed": 0.24}])
        self.assertEqual(self.get_state(), ["drafted"])
        self.bill("2026-04-01")
        self.assertEqual(self.get_state(), ["billed"])

    def test_an_invoice_of_calls_alone_can_be_billed_again(self):
        self.company.billing_min_amount = 0
        self.load(self.calls(3))
        self.bill("2026-02-01")
        wizard = self.env["account.move.reversal"].with_context(
            active_model="account.move", active_ids=self.get_invoices().ids
        )
        self.assertTrue(wizard.create({"journal_id": self.get_invoices().journal_id.id}).has_charges)

    def test_calls_of_a_customer_without_mandate_are_held(self):
        self.load(self.calls(2))
        self.customer._get_billing_mandate(self.company).cancel()
        run = self.bill("2026-02-01")
        self.assertRecordValues(run.line_ids, [{"outcome": "held", "amount_untaxed": 0.24}])
        self.assertEqual(self.get_state(), ["open"])

    def test_a_deleted_draft_bills_the_calls_again(self):
        self.load(self.calls(2))
        self.bill("2026-02-01")
        self.get_invoices().unlink()
        self.assertEqual(self.get_state(), ["open"])
        self.bill("2026-02-01")
        self.assertEqual(self.get_state(), ["drafted"])

    def test_late_rows_go_to_the_next_open_month(self):
        self.load(self.calls(2))
        self.bill("2026-02-01")
        late = self.load(self.calls(4))
        self.assert_counts(late, rows=4, new=2, duplicate=2)
        self.assertEqual(late.record_ids.charge_id.period_start, day("2026-02-01"))
        self.assertFalse(self.bill("2026-02-15").line_ids.filtered("amount_new"))
        self.load(self.calls(1, month="2026-02"))
        self.bill("2026-03-01")
        self.assertRecordValues(
            self.get_charges(),
            [
                {"usage_calls": 2, "amount_untaxed": 0.24, "state": "drafted"},
                {"usage_calls": 3, "amount_untaxed": 0.36, "state": "drafted"},
            ],
        )
        later = self.load(self.calls(5))
        self.assertEqual(later.record_ids.charge_id.period_start, day("2026-03-01"))

    def test_calls_of_a_cancelled_invoice_are_billed_again_and_the_old_one_is_not(self):
        self.load(self.calls(2))
        self.bill("2026-02-01")
        charge = self.get_charges()
        self.get_invoices().button_cancel()
        self.assertEqual(charge.state, "void")
        self.bill("2026-02-01")
        again = self.get_charges() - charge
        self.assertRecordValues(again, [{"usage_calls": 2, "amount_untaxed": 0.24, "state": "drafted"}])
        self.assertEqual(again.usage_record_ids.mapped("amount"), [0.12, 0.12])
        self.assertFalse(charge.usage_record_ids)
        self.bill("2026-03-01")
        self.assertEqual(self.get_charges(), charge + again)
        moves = self.get_invoices().filtered(lambda move: move.state != "cancel")
        self.assertEqual(sum(moves.mapped("amount_untaxed")), 0.24)

    def test_t18_merged_drafts_keep_their_calls(self):
        other = self.make_mandate(self.customer, signature_date="2024-01-01")
        subscription = self.make_subscription(self.month, self.cloudbox, start="2026-06-01", mandate_id=other.id)
        self.make_number("0201234568", self.customer, subscription_id=subscription.id)
        self.load(self.calls(2) + self.calls(3, number="0201234568").removeprefix(HEADER))
        self.bill("2026-02-01")
        drafts = self.get_invoices()
        self.assertEqual(len(drafts), 2)
        drafts.write({"mandate_id": other.id, "invoice_user_id": self.env.user.id})
        merged = self.env["account.move"].browse(next(iter(drafts.do_merge())))
        self.assertEqual(self.get_charges().move_id, merged)
        self.assertEqual(self.get_state(), ["drafted", "drafted"])
