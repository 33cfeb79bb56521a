from freezegun import freeze_time
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from odoo.exceptions import UserError

from .mandate_common import IBAN, OTHER_IBAN, Signing
from .netting_common import NettingCase
from .size import at_size


@freeze_time("2026-02-10")
class TestCustomerMerge(Signing, NettingCase):
    """Odoo's wizard merges customers with signed mandates: the mandate moves, and the proof says so."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.write(
            {
                "street": "Kerkstraat 1",
                "zip": "1017 GA",
                "city": "Amsterdam",
                "company_registry": "12345678",
                "sepa_creditor_identifier": "NL69ZZZ123456780000",
            }
        )
        cls.double = cls.make_customer("Bakkerij Jansen BV", with_mandate=False, email="jansen@example.com")

    def merge(self, *partners, kept=None):
        kept = kept or self.customer
        self.env.flush_all()
        wizard = self.env["base.partner.merge.automatic.wizard"].create(
            {"partner_ids": [partner.id for partner in (*partners, kept)], "dst_partner_id": kept.id}
        )
        wizard.action_merge()
        self.env.invalidate_all()

    def sign_for(self, customer, iban=IBAN):
        return self.sign(self.make_request(customer), iban=iban)

    def get_logged(self, record):
        return " ".join(record.message_ids.mapped(lambda message: str(message.body)))

    # === THE MANDATE

    def test_signed_mandate_moves_and_its_proof_says_so(self):
        mandate = self.sign_for(self.double)
        holder, request = mandate.partner_bank_id.acc_holder_name, mandate.request_id
        self.merge(self.double)
        self.assertFalse(self.double.exists())
        self.assertRecordValues(
            mandate,
            [{"partner_id": self.customer.id, "commercial_partner_id": self.customer.id, "state": "valid"}],
        )
        self.assertEqual((request.partner_id, request.account_holder), (self.customer, "Hotel Zonder B.V."))
        self.assertEqual(mandate.partner_bank_id.acc_holder_name, holder)
        self.assertTrue(request._is_genuine())
        for record in (mandate, request):
            self.assertIn("Bakkerij Jansen BV was merged into Bakkerij Jansen", self.get_logged(record))
        self.assertIn(mandate.unique_mandate_reference, self.get_logged(self.customer))

    def test_mandate_of_the_customer_that_is_kept_stays(self):
        mandate = self.sign_for(self.double)
        self.merge(self.customer, kept=self.double)
        self.assertEqual(mandate.partner_id, self.double)
        self.assertEqual(self.going_on._get_mandate_problem(), "")

    def test_both_signed_for_the_same_account(self):
        mandates = self.sign_for(self.double) + self.sign_for(self.customer)
        self.merge(self.double)
        self.assertEqual(mandates.partner_id, self.customer)
        accounts = self.customer.bank_ids.filtered(lambda bank: bank.sanitized_acc_number == IBAN)
        self.assertEqual((len(accounts), mandates.partner_bank_id), (1, accounts))

    def test_same_account_is_archived_at_one_of_them(self):
        for kept, merged in ((self.customer, self.double), (self.double, self.customer)):
            with self.subTest(kept.name), self.env.cr.savepoint() as savepoint:
                mandates = self.sign_for(self.double) + self.sign_for(self.customer)
                mandates[1].partner_bank_id.active = False
                self.merge(merged, kept=kept)
                self.assertEqual(mandates.partner_id, kept)
                self.assertEqual(mandates[0]._get_mandate_problem(), "")
                savepoint.rollback()
            self.env.invalidate_all()

    def test_mandate_on_an_archived_account_moves_too(self):
        mandate = self.sign_for(self.double)
        mandate.partner_bank_id.active = False
        self.merge(self.double)
        self.assertEqual(mandate.partner_id, self.customer)

    def test_what_waited_for_a_mandate_goes_on(self):
        newcomer = self.make_customer("Newcomer", with_mandate=False)
        subscription = self.make_subscription(self.month, self.cloudbox, customer=newcomer)
        self.assertTrue(subscription.awaits_mandate)
        self.merge(self.customer, kept=newcomer)
        self.assertRecordValues(subscription, [{"awaits_mandate": False, "in_progress": True}])

    def test_without_the_wizard_the_account_of_a_signed_mandate_stays_whose_it_is(self):
        mandate = self.sign_for(self.double)
        account = mandate.partner_bank_id.sudo()
        with self.assertRaisesRegex(UserError, "A mandate was signed"):
            account.with_context(billing_customer_merge=True).partner_id = self.customer

    # === CONTACTS

    def test_contact_of_another_customer_says_what_to_do_instead(self):
        other = self.make_customer("Other customer")
        contact = self.env["res.partner"].create({"name": "Desk", "parent_id": other.id})
        mandate = self.make_mandate(contact)
        with self.assertRaisesRegex(UserError, "Merge the two customers first"):
            self.merge(contact)
        with self.assertRaisesRegex(UserError, "Merge Bakkerij Jansen into Other customer itself"):
            self.merge(self.customer, kept=contact)
        self.assertEqual(mandate.partner_id, contact)

    def test_contacts_of_one_customer_are_merged(self):
        one, two = self.env["res.partner"].create(
            [{"name": name, "parent_id": self.customer.id} for name in ("Desk", "Desk 2")]
        )
        mandate = self.make_mandate(two)
        self.merge(two, kept=one)
        self.assertRecordValues(mandate, [{"partner_id": one.id, "commercial_partner_id": self.customer.id}])

    def test_companies_without_billing_merge_contacts_as_ever(self):
        other = self.make_customer("Other customer", with_mandate=False)
        contact = self.env["res.partner"].create({"name": "Desk", "parent_id": other.id})
        self.merge(contact, kept=self.env["res.partner"].create({"name": "Desk of nobody"}))
        self.assertFalse(contact.exists())

    # === WHAT IS BILLED

    def test_ledger_follows_and_no_day_is_billed_twice(self):
        subscription = self.make_subscription(self.quarter, self.internet, customer=self.double, running=False)
        self.sign_for(self.double)
        subscription._start_or_wait()
        self.bill("2026-02-10")
        self.merge(self.double)
        charges = subscription.sale_subscription_line_ids.charge_ids
        self.assertEqual(charges.partner_id, self.customer)
        self.assertEqual(charges.move_id.commercial_partner_id, self.customer)
        self.assertFalse(self.bill("2026-02-10").line_ids)

    def test_waiting_drafts_of_both_become_one(self):
        self.make_mandate(self.double)
        self.make_waiting(20.0)
        self.make_waiting(15.0, customer=self.double)
        for customer in (self.customer, self.double):
            self.make_subscription(self.month, self.cloudbox, customer=customer, start="2026-02-01")
        self.bill("2026-02-01")
        self.merge(self.double)
        self.assertEqual(len(self.get_drafts()), 4)
        self.run_on("2026-04-01")
        self.assertFalse(self.get_drafts())
        [invoice] = self.get_posted().filtered(lambda move: str(move.invoice_date) == "2026-04-01")
        self.assertEqual(invoice.amount_untaxed, 20 + 15 + 2 * 3 * 30)

    @settings(max_examples=at_size(30, 4), deadline=None, phases=[Phase.generate])
    @given(
        mandates=st.tuples(*[st.sampled_from(["none", "valid", "cancel", "same", "archived"])] * 2),
        waiting=st.tuples(*[st.booleans()] * 2),
        subscribed=st.tuples(*[st.sampled_from([None, "month", "quarter"])] * 2),
        owed=st.tuples(*[st.booleans()] * 2),
        is_billed=st.booleans(),
        kept=st.sampled_from([0, 1]),
    )
    def test_any_two_customers(self, mandates, waiting, subscribed, owed, is_billed, kept):
        with self.env.cr.savepoint() as savepoint:
            self.check_any(mandates, waiting, subscribed, owed, is_billed, kept)
            savepoint.rollback()
        self.env.invalidate_all()

    def check_any(self, mandates, waiting, subscribed, owed, is_billed, kept):
        partners = [self.make_customer(f"Number {number}", with_mandate=False) for number in (0, 1)]
        lines = self.env["sale.subscription.line"]
        for partner, kind, waits, cycle, is_owed in zip(partners, mandates, waiting, subscribed, owed, strict=True):
            if kind != "none":
                mandate = (
                    self.sign_for(partner, OTHER_IBAN) if kind in ("same", "archived") else self.make_mandate(partner)
                )
            if waits:
                self.make_waiting(20.0, customer=partner)
            if cycle:
                subscription = self.make_subscription(
                    getattr(self, cycle), self.internet, customer=partner, start="2026-02-01"
                )
                lines |= subscription.sale_subscription_line_ids
            if is_owed and kind != "none":
                lines |= self.owe(35.0, customer=partner).sale_subscription_line_ids
            if kind == "cancel":
                mandate.cancel()
            elif kind == "archived":
                mandate.partner_bank_id.sudo().active = False
        if is_billed:
            self.run_on("2026-02-10")
        charges = lines.charge_ids
        before = {charge: (charge.state, charge.amount_untaxed, charge.period_start) for charge in charges}
        target, merged = partners[kept], partners[1 - kept]
        self.merge(merged, kept=target)
        self.assertEqual(
            before, {charge: (charge.state, charge.amount_untaxed, charge.period_start) for charge in charges}
        )
        for turn in ("2026-03-01", "2026-04-01"):
            self.run_on(turn)
        self.assertLessEqual(lines.charge_ids.partner_id, target)
        self.assertLessEqual(lines.charge_ids.move_id.commercial_partner_id, target)
        for line in lines:
            days = [
                day
                for charge in line._get_live_charges().filtered(lambda one: not one.is_credit)
                for day in charge._get_uncredited_periods()
            ]
            self.assertFalse([one for one in days for other in days if one != other and one.overlaps(other)])
        moves = self.get_invoices(target).filtered(lambda move: move.state != "cancel")
        self.assertLessEqual(moves.line_ids.partner_id, target)
        if not target._get_mandate_problem(self.company, target._get_billing_mandate(self.company)):
            self.assertFalse(self.get_drafts(target), "All that waits goes at the quarter turn.")
