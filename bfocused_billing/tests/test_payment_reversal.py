from freezegun import freeze_time
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from lxml import etree
from psycopg2 import IntegrityError

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import new_test_user
from odoo.tools import mute_logger

from .common import day
from .reversal_common import CAMT, PAIN, ReversalCase
from .size import at_size

MANDATE = "Ask for a new direct-debit mandate"


@freeze_time("2026-03-11 09:00:00")
class TestPaymentReversal(ReversalCase):
    """Each reason code does what its row says, from the bank's own files (T15)."""

    def check(self, code, state, activity=None, stopped=False, asked=False, mailed=False, counted=False, retry=False):
        """Compare everything a reversal does with what is expected of it."""
        move, reversal = self.moves[code], self.get_reversal(code)
        mandate, partner = move.mandate_id, move.partner_id
        mails = (
            self.env["mail.mail"]
            .sudo()
            .search([("model", "=", "bfocused.payment.reversal"), ("res_id", "in", reversal.ids)])
        )
        self.assertEqual(
            {
                "reversals": len(reversal),
                "open": move.amount_residual,
                "returned": move.returned_payment,
                "state": move.reversal_state,
                "retry": move.collection_retry_date and str(move.collection_retry_date),
                "mandate": mandate.state,
                "activity": reversal.activity_ids.mapped("summary"),
                "asked": partner.activity_ids.mapped("summary"),
                "mailed": len(mails),
                "counted": partner.reversal_count,
            },
            {
                "reversals": 1,
                "open": move.amount_total,
                "returned": True,
                "state": state,
                "retry": retry,
                "mandate": "cancel" if stopped else "valid",
                "activity": [activity] if activity else [],
                "asked": [MANDATE] if asked else [],
                "mailed": int(mailed),
                "counted": int(counted),
            },
            code,
        )

    # === defaults per code

    def test_am04_tells_the_customer_and_retries_once_on_a_set_day(self):
        self.reverse(CAMT)
        self.check("AM04", "retry", mailed=True, counted=True, retry="2026-03-25")

    def test_ms03_is_handled_as_am04(self):
        self.reverse(CAMT)
        self.check("MS03", "retry", mailed=True, counted=True, retry="2026-03-25")

    def test_ms02_is_not_retried_and_the_customer_gets_a_mail(self):
        self.reverse(CAMT)
        self.check("MS02", "reminder", mailed=True, counted=True)

    def test_md06_is_disputed(self):
        self.reverse(CAMT)
        self.check("MD06", "dispute", activity="Disputed debit: ask the customer why", counted=True)

    def test_md01_stops_the_mandate_and_asks_for_a_new_one(self):
        self.reverse(CAMT)
        self.check("MD01", "mandate", stopped=True, asked=True)
        self.assertIn("MD01", self.moves["MD01"].partner_id.activity_ids.note)

    def test_ac01_and_ac04_stop_the_mandate_and_ask_for_the_iban(self):
        self.reverse(PAIN)
        for code in ("AC01", "AC04"):
            self.check(code, "mandate", stopped=True, asked=True)
            self.assertIn("IBAN", self.moves[code].partner_id.activity_ids.note)

    def test_ac06_and_sl01_let_somebody_contact_the_customer(self):
        self.reverse(CAMT, PAIN)
        self.check(
            "AC06",
            "staff",
            activity="Contact the customer: the account is blocked for direct debits",
            counted=True,
        )
        self.check(
            "SL01",
            "staff",
            activity="Contact the customer: the own bank blocks or limits our debits",
            counted=True,
        )

    def test_ac13_asks_for_a_core_mandate(self):
        self.reverse(PAIN)
        self.assertEqual(self.moves["AC13"].mandate_id.scheme, "B2B")
        self.check("AC13", "mandate", stopped=True, asked=True)
        self.assertIn("CORE", self.moves["AC13"].partner_id.activity_ids.note)

    def test_ag01_ag02_and_be05_go_to_staff_and_are_not_held_against_the_customer(self):
        self.reverse(PAIN)
        self.check("AG01", "staff", activity="The account takes no direct debits: look for another way")
        self.check("AG02", "staff", activity="The bank refused the kind of debit: check scheme and sequence")
        self.check("BE05", "staff", activity="The creditor identifier isn't recognised: check it with the bank")

    def test_am05_looks_for_a_double_first(self):
        move = self.moves["AM05"]
        with freeze_time("2026-03-02"):
            double = self.upload(self.make_order(self.make_invoice(move.mandate_id, move.amount_total)))
            self.upload(self.make_order(self.make_invoice(move.mandate_id, move.amount_total + 0.01)))
        line = move.line_ids.payment_line_ids
        reversal = self.env["bfocused.payment.return.policy"]._apply_reversal(
            line, "AM05", f"payment:{line.payment_ids.id}", amount=move.amount_total
        )
        self.assertEqual(reversal.activity_ids.summary, "Check first whether this was debited twice")
        self.assertIn(double.payment_ids.display_name, reversal.activity_ids.note)
        self.assertEqual(reversal._find_doubles(), double.payment_ids)

    def test_am05_from_the_file_says_that_no_double_was_found(self):
        self.reverse(CAMT)
        self.check("AM05", "staff", activity="Check first whether this was debited twice")
        self.assertIn("No other debit", self.get_reversal("AM05").activity_ids.note)

    def test_md07_is_for_a_person_and_nobody_is_written_to(self):
        self.reverse(CAMT)
        self.check("MD07", "staff", activity="The customer has died: write to nobody, a person takes over")

    def test_an_unknown_code_is_kept_and_goes_to_staff(self):
        self.reverse(CAMT)
        self.check("ZZ99", "staff", activity="Reversed debit with a reason without policy: look at it")
        self.assertEqual(self.get_reversal("ZZ99").code, "ZZ99")

    def test_what_the_bank_accepted_is_no_reversal(self):
        self.reverse(PAIN)
        self.assertFalse(self.get_reversal(None))
        self.assertEqual(self.moves[None].amount_residual, 0.0)

    def test_the_sample_accounts_have_right_check_digits_and_every_code_is_there(self):
        self.assertEqual(
            set(self.moves),
            {
                *("AM04", "MS03", "MS02", "MD06", "MD01", "AC01", "AC04", "AC06", "SL01", "AC13"),
                *("AG01", "AG02", "BE05", "AM05", "MD07", "ZZ99", None),
            },
        )
        for move in self.moves.values():
            self.assertEqual(move.mandate_id.partner_bank_id.acc_type, "iban")
            self.assertIn(
                move.mandate_id.partner_bank_id.sanitized_acc_number.encode(),
                self.read_file(CAMT) + self.read_file(PAIN),
            )

    def test_without_any_policy_it_still_goes_to_staff(self):
        self.env["bfocused.payment.return.policy"].search([]).active = False
        self.reverse(CAMT)
        self.check("AM04", "staff", activity="Reversed direct debit: look at it")

    def test_a_rejected_debit_counts_as_use_of_the_mandate(self):
        # SDD Core rulebook, 4.1: from the latest collection presented, even if rejected, returned or refunded
        self.reverse(PAIN)
        self.assertEqual(self.moves["AC06"].mandate_id.last_debit_date, day("2026-03-09"))

    # === idempotency and matching

    def test_the_same_file_twice_changes_nothing(self):
        self.reverse(CAMT, PAIN)
        before = self.take_stock()
        for filename in (CAMT, PAIN):
            with self.assertRaisesRegex(UserError, "already imported"):
                self.load(self.read_file(filename))
        self.assertEqual(self.take_stock(), before)

    def test_the_same_debits_in_another_file_change_nothing(self):
        self.reverse(CAMT)
        before = self.take_stock()
        renamed = self.read_file(CAMT).replace(b"NTF20260310001", b"NTF20260311001")
        again = self.load(renamed)
        for payment_return in again:
            self.assertFalse(payment_return.line_ids.move_line_ids)  # they were returned already
            with self.assertRaises(UserError):
                payment_return.action_confirm()
        again.unlink()
        self.assertEqual(self.take_stock(), before)

    def take_stock(self):
        moves = self.env["account.move"].union(*self.moves.values())
        self.env.flush_all()
        return (
            moves.read(["amount_residual", "reversal_state", "collection_retry_date", "collection_retry_count"]),
            moves.mandate_id.read(["state", "last_debit_date"]),
            moves.partner_id.read(["reversal_count"]),
            self.env["mail.mail"].sudo().search_count([]),
            self.env["mail.activity"].search_count([]),
            self.env["bfocused.payment.reversal"].search_count([]),
            self.env["payment.return"].search_count([]),
        )

    def test_a_policy_applied_twice_does_nothing_the_second_time(self):
        policies, move = self.env["bfocused.payment.return.policy"], self.moves["AM04"]
        first = policies._apply_reversal(move, "AM04", "event:1")
        before = self.take_stock()
        self.assertEqual(policies._apply_reversal(move, "MD01", "event:1"), first)
        self.assertEqual(self.take_stock(), before)

    def test_the_database_refuses_a_second_reversal_of_a_debit(self):
        reversal = self.env["bfocused.payment.return.policy"]._apply_reversal(self.moves["AM04"], "AM04", "event:1")
        with self.assertRaises(IntegrityError), mute_logger("odoo.sql_db"), self.env.cr.savepoint():
            reversal.copy({"reference": "event:1"})
            self.env.flush_all()

    def test_our_own_number_finds_the_debit(self):
        move = self.moves["AM04"]
        payment = move.line_ids.payment_line_ids.payment_ids
        content = self.read_file(CAMT).replace(b"260300001<", f"{payment.id}<".encode())
        content = content.replace(b"<MndtId>BF-2024-00027</MndtId>", b"")
        line = self.load(content).line_ids.filtered(lambda line: line.return_code == "AM04")
        self.assertEqual(line.move_line_ids.payment_id, payment)

    def test_a_number_of_another_system_does_not_find_somebody_elses_debit(self):
        foreign = self.moves["MS02"].line_ids.payment_line_ids.payment_ids
        content = self.read_file(CAMT).replace(b"260300001<", f"{foreign.id}<".encode())
        line = self.load(content).line_ids.filtered(lambda line: line.return_code == "AM04")
        self.assertEqual(line.partner_id, self.moves["AM04"].partner_id)
        self.assertEqual(line.move_line_ids.payment_id, self.moves["AM04"].line_ids.payment_line_ids.payment_ids)

    def test_a_number_that_is_too_long_for_the_database_is_no_error(self):
        content = self.read_file(CAMT).replace(b"260300001<", b"98765432109876543210<")
        line = self.load(content).line_ids.filtered(lambda line: line.return_code == "AM04")
        self.assertEqual(line.partner_id, self.moves["AM04"].partner_id)

    def test_a_debit_of_another_amount_is_left_to_a_person(self):
        content = self.read_file(CAMT).replace(b"121.00", b"121.01")
        line = self.load(content).line_ids.filtered(lambda line: line.return_code == "AM04")
        self.assertFalse(line.move_line_ids)

    # === parts

    def get_part(self, amount, message):
        """The sample file, in which the bank returns so much of the debit of AM04, under our own number."""
        payment = self.moves["AM04"].line_ids.payment_line_ids.payment_ids
        content = self.read_file(CAMT).replace(b"NTF20260310001", message)
        root = etree.fromstring(content.replace(b"260300001<", f"{payment.id}<".encode()))
        for details in list(root.iter("{*}TxDtls")):
            if details.findtext(".//{*}Rsn/{*}Cd") != "AM04":
                details.getparent().remove(details)
        for path in ("{*}Ntry/{*}Amt", "{*}TtlAmt", "{*}TxDtls//{*}Amt"):
            for node in root.iterfind(f".//{path}"):
                node.text = node.text.strip() and amount
        return etree.tostring(root)

    def return_part(self, amount, message):
        payment_return = self.load(self.get_part(amount, message))
        payment_return.action_confirm()
        return payment_return

    def test_a_part_that_the_bank_returns_opens_the_invoice_by_as_much(self):
        move = self.moves["AM04"]
        self.return_part("21.00", b"PART1")
        self.assertEqual(move.amount_residual, 21.0)
        self.assertEqual(len(self.get_reversal("AM04")), 1)
        self.return_part("50.00", b"PART2")
        self.assertEqual(move.amount_residual, 71.0)
        self.assertEqual(len(self.get_reversal("AM04")), 2)

    def test_the_same_part_in_the_same_file_is_no_second_one(self):
        self.return_part("21.00", b"PART1")
        with self.assertRaisesRegex(UserError, "already imported"):
            self.load(self.get_part("21.00", b"PART1"))
        self.assertEqual(self.moves["AM04"].amount_residual, 21.0)

    def test_parts_that_come_to_more_than_the_debit_are_left_to_a_person(self):
        self.return_part("100.00", b"PART1")
        late = self.load(self.get_part("21.01", b"PART2"))
        self.assertFalse(late.line_ids.move_line_ids)
        self.assertIn("21.01 doesn't fit", " ".join(late.message_ids.mapped("body")))
        self.assertEqual(self.moves["AM04"].amount_residual, 100.0)
        self.return_part("21.00", b"PART3")
        self.assertEqual(self.moves["AM04"].amount_residual, 121.0)

    @settings(max_examples=at_size(30, 4), deadline=None, phases=[Phase.generate])
    @given(parts=st.lists(st.integers(1, 9000), min_size=1, max_size=4))
    def test_any_parts_leave_the_debit_less_what_was_returned(self, parts):
        move = self.moves["AM04"]
        with self.env.cr.savepoint() as savepoint:
            returned = 0
            for number, cents in enumerate(parts):
                payment_return = self.load(self.get_part(f"{cents / 100:.2f}", b"PART%d" % number))
                if returned + cents <= 12100:
                    payment_return.action_confirm()
                    returned += cents
                else:
                    self.assertFalse(payment_return.line_ids.move_line_ids)
                self.assertEqual(round(move.amount_residual * 100), returned)
            savepoint.rollback()
        self.env.invalidate_all()

    def test_a_transaction_without_code_goes_to_staff(self):
        content = self.read_file(CAMT).replace(b"<Cd>AM04</Cd>", b"<Prtry>X</Prtry>")
        for payment_return in self.load(content):
            payment_return.action_confirm()
        self.check("AM04", "staff", activity="Reversed debit with a reason without policy: look at it")
        self.assertFalse(self.get_reversal("AM04").code)

    def test_without_billing_a_return_is_only_booked(self):
        self.company.use_billing = False
        payment = self.moves["AM04"].line_ids.payment_line_ids.payment_ids
        content = self.read_file(CAMT).replace(b"260300001<", f"{payment.id}<".encode())
        payment_return = self.load(content)
        payment_return.line_ids.filtered(lambda line: not line.move_line_ids).unlink()
        payment_return = payment_return.filtered("line_ids")
        payment_return.action_confirm()
        self.assertEqual(payment_return.state, "done")
        self.assertRecordValues(self.moves["AM04"], [{"amount_residual": 121.0, "reversal_state": False}])
        self.assertFalse(self.get_reversal("AM04"))

    # === what follows

    def test_the_retry_is_collected_on_its_day_and_then_the_reminder_flow_takes_over(self):
        self.reverse(CAMT)
        move = self.moves["AM04"]
        order = self.mode._collect(day("2026-03-16"))
        line = order.payment_line_ids.filtered(lambda line: line.move_line_id.move_id == move)
        self.assertEqual(line.date, day("2026-03-25"))
        self.assertFalse(order.payment_line_ids.move_line_id.move_id & self.moves["MS02"])
        with freeze_time("2026-03-16"):
            self.upload(order)
        self.assertEqual(move.amount_residual, 0.0)
        again = self.read_file(CAMT).replace(b"NTF20260310001", b"NTF20260326001").replace(b"2026-03-10", b"2026-03-26")
        with freeze_time("2026-03-27"):
            payment_return = self.load(again)
            payment_return.line_ids.filtered(lambda line: line.partner_id != move.partner_id).unlink()
            payment_return.filtered("line_ids").action_confirm()
        self.assertRecordValues(
            move, [{"reversal_state": "reminder", "collection_retry_date": False, "collection_retry_count": 1}]
        )
        self.assertEqual(move.partner_id.reversal_count, 2)
        self.assertEqual(move.partner_id.last_reversal_date, day("2026-03-26"))
        self.assertFalse(self.mode._collect(day("2026-04-20")).payment_line_ids.move_line_id.move_id & move)

    def test_the_day_of_the_retry_is_a_banking_day_after_the_reversal(self):
        policy = self.env.ref("bfocused_billing.payment_return_policy_am04")
        for number, date, expected in (
            (25, "2026-03-10", "2026-03-25"),
            (25, "2026-03-25", "2026-04-27"),  # 25 April is a Saturday
            (25, "2026-11-26", "2026-12-28"),  # Christmas
            (3, "2026-03-20", "2026-04-07"),  # Good Friday
            (0, "2026-04-30", "2026-05-04"),
            (26, "2026-03-25", "2026-03-26"),
        ):
            policy.retry_day = number
            self.assertEqual(policy._get_retry_date(day(date), 1), day(expected), date)

    def test_a_new_mandate_collects_what_waits_for_it(self):
        self.reverse(CAMT)
        move = self.moves["MD01"]
        self.assertFalse(self.mode._collect(day("2026-03-12")).payment_line_ids.move_line_id.move_id & move)
        self.assertIn("cancelled", move.collection_problem)
        account = self.make_account(move.partner_id, "NL38INGB0003708810")
        new = self.make_mandate(move.partner_id, partner_bank_id=account.id, signature_date="2026-03-11")
        line = self.mode._collect(day("2026-03-12")).payment_line_ids
        self.assertEqual(line.move_line_id.move_id & move, move)
        self.assertRecordValues(move, [{"mandate_id": new.id, "reversal_state": False, "collection_problem": False}])

    def test_a_disputed_invoice_is_not_collected_until_a_person_says_so(self):
        self.reverse(CAMT)
        move = self.moves["MD06"]
        with self.assertRaisesRegex(UserError, "Collect again"):
            self.make_order(move).draft2open()
        move.line_ids.payment_line_ids.filtered(lambda line: line.state == "draft").order_id.unlink()
        move.action_collect_again()
        self.assertIn(move, self.mode._collect(day("2026-03-12")).payment_line_ids.move_line_id.move_id)

    def test_a_cancelled_return_is_withdrawn(self):
        self.reverse(CAMT)
        move = self.moves["AM04"]
        payment_return = self.get_reversal("AM04").return_line_id.return_id
        payment_return.action_cancel()
        self.assertRecordValues(
            move, [{"reversal_state": False, "collection_retry_date": False, "collection_retry_count": 0}]
        )
        self.assertEqual(move.amount_residual, 0.0)
        self.assertEqual(move.partner_id.reversal_count, 0)
        payment_return.action_draft()
        payment_return.action_confirm()
        self.assertEqual(self.get_reversal("AM04").mapped("state"), ["applied", "withdrawn"])
        self.assertEqual(move.partner_id.reversal_count, 1)

    def test_one_debit_of_two_invoices_is_one_reversal(self):
        mandate = self.make_sample_customer("K1030")
        with freeze_time("2026-03-02"):
            moves = self.make_invoice(mandate, 10.0) + self.make_invoice(mandate, 20.0)
            order = self.upload(self.make_order(*moves))
        mandate.partner_id.email = "two@example.com"
        reversal = self.env["bfocused.payment.return.policy"]._apply_reversal(order.payment_line_ids, "AM04", "event:2")
        self.assertEqual(reversal.move_ids, moves)
        self.assertEqual(moves.mapped("reversal_state"), ["retry", "retry"])
        self.assertEqual(mandate.partner_id.reversal_count, 1)

    def test_the_mail_is_in_the_customers_words_and_says_what_happens_next(self):
        self.reverse(CAMT)
        for code, expected in (("AM04", "03/25/2026"), ("MS02", "transfer it to")):
            partner = self.moves[code].partner_id
            partner.lang = "en_US"
            reversal = self.get_reversal(code)
            template = reversal.policy_id.mail_template_id
            body = template._render_field("body_html", reversal.ids, compute_lang=True)[reversal.id]
            self.assertIn(expected, body)
            self.assertIn(self.moves[code].name, body)
        mail = self.env["mail.mail"].sudo().search([("res_id", "=", reversal.id), ("model", "=", reversal._name)])
        self.assertEqual(mail.recipient_ids, partner)

    def test_a_customer_without_mail_address_is_told_by_staff(self):
        self.moves["MS02"].partner_id.email = False
        self.reverse(CAMT)
        self.check("MS02", "reminder", activity="No e-mail address: tell the customer of the reversal", counted=True)

    def test_another_policy_later_does_not_change_what_was_counted(self):
        self.reverse(CAMT)
        self.env.ref("bfocused_billing.payment_return_policy_am04").is_counted = False
        self.env.invalidate_all()
        self.assertEqual(self.moves["AM04"].partner_id.reversal_count, 1)

    # === policy rows

    def test_a_company_has_its_own_rows_before_the_common_ones(self):
        policies = self.env["bfocused.payment.return.policy"]
        own = policies.create({"code": " am04 ", "name": "Ours", "company_id": self.company.id, "retry_count": 2})
        self.assertEqual(own.code, "AM04")
        self.assertEqual(policies._find(self.company, "AM04"), own)
        other = self.env["res.company"].create({"name": "Other"})
        self.assertEqual(policies._find(other, "AM04"), self.env.ref("bfocused_billing.payment_return_policy_am04"))
        fallback = policies.create({"name": "Ours for the rest", "company_id": self.company.id})
        self.assertEqual(policies._find(self.company, "ZZ99"), fallback)
        self.assertEqual(
            policies._find(self.company, "MD06"), self.env.ref("bfocused_billing.payment_return_policy_md06")
        )
        self.assertEqual(policies._find(other, False), self.env.ref("bfocused_billing.payment_return_policy_other"))

    def test_one_row_per_code_and_company(self):
        policies = self.env["bfocused.payment.return.policy"]
        for values in ({"code": "AM04"}, {"code": False}):
            with self.assertRaises(IntegrityError), mute_logger("odoo.sql_db"), self.env.cr.savepoint():
                policies.create({"name": "Double", **values}).flush_recordset()
        for values in ({"retry_count": -1}, {"retry_day": 29}):
            with self.assertRaises(ValidationError):
                policies.create({"name": "Wrong", "code": "X001", **values})

    # === security

    def make_user(self, login, group, company=None):
        company = company or self.company
        return new_test_user(
            self.env(su=True), login, groups=group, company_id=company.id, company_ids=[(6, 0, company.ids)]
        )

    def test_a_billing_user_handles_a_bank_file_and_reads_but_does_not_change_what_came_of_it(self):
        user = self.make_user("biller", "bfocused_billing.group_billing_user")
        for payment_return in self.load(self.read_file(CAMT)):
            payment_return.with_user(user).action_confirm()
        self.check("AM04", "retry", mailed=True, counted=True, retry="2026-03-25")
        self.check("MD01", "mandate", stopped=True, asked=True)
        reversal = self.get_reversal("AM04").with_user(user)
        self.assertTrue(reversal.display_name)
        self.assertEqual(reversal.partner_id.reversal_count, 1)
        for record, values in ((reversal, {"code": "X"}), (reversal.policy_id, {"retry_count": 9})):
            with self.assertRaises(AccessError):
                record.write(values)

    def test_others_see_no_reversals(self):
        self.reverse(CAMT)
        reversal = self.get_reversal("AM04")
        other = self.env["res.company"].create({"name": "Other"})
        foreign = self.make_user("foreign", "bfocused_billing.group_billing_user", other)
        for user in (
            foreign,
            self.make_user("portal", "base.group_portal"),
            self.make_user("staff", "base.group_user"),
        ):
            with self.assertRaises(AccessError):
                reversal.with_user(user).read(["code"])
