from odoo import fields
from odoo.tests import tagged

from .test_comparison import ComparisonCase


@tagged("post_install", "-at_install")
class TestMergedCustomers(ComparisonCase):
    """Customers that Odoo's wizard merges are one debtor at PAYT too: at once, whole, and the other one is empty."""

    def setUp(self):
        super().setUp()
        self.backend.psp_provider = "mollie"
        self.sandbox.world.set("revoked_references_are_free", True)
        self.bakers = [self.make_baker(number) for number in range(3)]

    def make_baker(self, number):
        baker = self.make_customer(
            f"Bakker {number}",
            with_mandate=False,
            email=f"bakker{number}@example.com",
            ref=f"B{number}",
            invoice_sending_method="payt",
        )
        account = self.env["res.partner.bank"].create(
            {
                "partner_id": baker.id,
                "acc_number": ("NL91ABNA0417164300", "NL20INGB0001234567", "NL02ABNA0123456789")[number],
            }
        )
        self.make_mandate(baker, partner_bank_id=account.id, unique_mandate_reference=f"MB{number}")
        return baker

    def merge(self, kept, *merged):
        partners = self.env["res.partner"].concat(kept, *merged)
        self.env["base.partner.merge.automatic.wizard"].create({})._merge(partners.ids, kept)
        self.env.invalidate_all()

    def get_active_mandates(self):
        """At PAYT: (debtor number, reference)."""
        state = self.sandbox.state()
        numbers = {debtor["id"]: debtor["debtor_number"] for debtor in state["debtors"]}
        mandates = [one for one in state["psp_mandates"] if not one["deactivated_at"]]
        return sorted((numbers[one["debtor_id"]], one["mandate_reference"]) for one in mandates)

    def assert_one_debtor(self, kept, moves):
        number = kept.with_company(self.company).payt_debtor_number
        self.assertEqual({self.get_theirs(move)["debtor_number"] for move in moves}, {number})
        self.assertFalse([one for one in self.sandbox.state()["invoices"] if one["debtor_number"] != number])
        mandate = kept._get_billing_mandate(self.company)
        others = {baker.ref for baker in self.bakers if baker.exists()} - {number}
        active = [row for row in self.get_active_mandates() if row[0] not in others]
        self.assertEqual(active, [(number, mandate.unique_mandate_reference)])
        self.pull()
        self.assertEqual((mandate.state, mandate.payt_state), ("valid", "pushed"))
        self.compare()
        self.assertEqual(self.get_differences().mapped("kind"), [])

    def test_all_of_both_is_of_the_one_that_is_kept(self):
        kept, merged, _other = self.bakers
        moves = [self.make_invoice_at_payt(partner=partner) for partner in (kept, merged, merged)]
        self.pull()
        self.merge(kept, merged)
        self.push()
        self.assert_one_debtor(kept, moves)

    def test_a_mandate_goes_along_to_a_customer_without_one(self):
        kept, merged, _other = self.bakers
        kept._get_billing_mandate(self.company).cancel()
        moves = [self.make_invoice_at_payt(partner=partner) for partner in (kept, merged)]
        self.pull()
        self.merge(kept, merged)
        self.push()
        self.assertEqual(kept._get_billing_mandate(self.company).unique_mandate_reference, "MB1")
        self.assert_one_debtor(kept, moves)

    def test_a_chain_of_merges(self):
        first, second, third = self.bakers
        moves = [self.make_invoice_at_payt(partner=partner) for partner in self.bakers]
        self.pull()
        self.merge(second, first)
        self.push()
        self.pull()
        self.merge(third, second)
        self.push()
        self.assert_one_debtor(third, moves)

    def test_while_everything_waits_in_the_outbox(self):
        kept, merged, other = self.bakers
        moves = self.env["account.move"].concat(*(self.make_invoice(partner=partner) for partner in self.bakers))
        self.send(moves, sending_methods=["payt"])
        self.merge(kept, merged, other)
        self.push()
        self.assert_one_debtor(kept, moves)

    def test_an_archived_customer(self):
        kept, merged, _other = self.bakers
        moves = [self.make_invoice_at_payt(partner=partner) for partner in (kept, merged)]
        self.pull()
        merged.active = False
        self.merge(kept, merged)
        self.push()
        self.assert_one_debtor(kept, moves)

    def test_a_mandate_that_payt_does_not_take_again_is_for_a_person(self):
        self.sandbox.world.set("revoked_references_are_free", False)
        kept, merged, _other = self.bakers
        kept._get_billing_mandate(self.company).cancel()
        self.make_invoice_at_payt(partner=merged)
        self.pull()
        self.merge(kept, merged)
        self.push()
        self.assertEqual(kept._get_billing_mandate(self.company).payt_state, "error")
        activity = kept.activity_ids.filtered(lambda one: one.summary == "PAYT: mandate of a merged customer")
        self.assertIn("MB1 under debtor B1", activity.note)
        self.pull()
        self.assertEqual(kept._get_billing_mandate(self.company).state, "valid")

    def test_money_of_before_and_after(self):
        self.backend.action_make_journal()
        kept, merged, _other = self.bakers
        move = self.make_invoice_at_payt(partner=merged)
        self.pull()
        self.sandbox.play(do="pay", invoice=move.name, amount="21.00")
        self.merge(kept, merged)
        self.push()
        self.sandbox.play(do="pay", invoice=move.name, amount="50.00")
        self.pull()
        self.push()
        self.assertEqual(move.amount_residual, 50.0)
        self.assertEqual(self.get_theirs(move)["open_amount"], "50.00")

    def test_a_payment_plan_is_for_a_person(self):
        kept, merged, _other = self.bakers
        move = self.make_invoice_at_payt(partner=merged)
        self.pull()
        first = fields.Date.add(fields.Date.today(), days=30)
        plan = self.env["bfocused.payment.arrangement"].create(move._prepare_arrangement(3, first))
        plan.action_agree()
        self.push()
        self.assertTrue(plan.payt_plan_id)
        self.merge(kept, merged)
        activity = plan.activity_ids.filtered(lambda one: one.summary == "PAYT: payment plan of a merged customer")
        self.assertIn("stays with debtor B1", activity.note)
        self.assertIn("Bakker 1 was merged into Bakker 0", activity.note)
