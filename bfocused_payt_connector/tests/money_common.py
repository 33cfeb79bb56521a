from .test_pull import PullCase


class MoneyCase(PullCase):
    """PAYT collects, and the clearing journal follows."""

    def setUp(self):
        super().setUp()
        self.backend.action_make_journal()
        self.journal = self.backend.journal_id
        self.clearing = self.journal.inbound_payment_method_line_ids.payment_account_id

    def play(self, do, move, **values):
        number = move.name if len(move) == 1 else move.mapped("name")
        return self.sandbox.play(do=do, invoice=number, **values)

    def sign_mandate(self):
        """At the payment provider, as PAYT only collects with what it has there."""
        number = self.customer.with_company(self.company).payt_debtor_number
        self.sandbox.play(do="sign_mandate", debtor=number, bank_account_number="NL91ABNA0417164300")

    def get_theirs(self, move):
        [theirs] = [one for one in self.sandbox.state()["invoices"] if one["invoice_number"] == move.name]
        return theirs

    def get_payments(self, **values):
        domain = [("payt_payment_id", "!=", False), ("company_id", "=", self.company.id)]
        return self.env["account.payment"].search(domain + [(name, "=", value) for name, value in values.items()])

    def get_cleared(self):
        """What the provider still has to pay out."""
        lines = self.env["account.move.line"].search(
            [("account_id", "in", self.clearing.ids), ("parent_state", "=", "posted")]
        )
        return round(sum(lines.mapped("balance")), 2)

    def get_collected(self):
        """What PAYT collected less what was taken back, as the sandbox has it."""
        state = self.sandbox.state()
        return round(
            sum(
                float(payment["total_book_amount"])
                for payment in state["payments"]
                if payment["_source"] in ("psp", "bank") and not payment.get("_bank_transaction")
            ),
            2,
        )

    def assert_agrees(self, *moves):
        """Odoo's open amounts and the clearing journal are PAYT's, and the books balance."""
        self.assertEqual(set(self.get_rows().mapped("state")), {"done"}, self.get_rows().mapped("message"))
        for move in moves:
            open_amount = move.amount_residual - move._get_payt_excess()[0]
            self.assertEqual(f"{open_amount:.2f}", self.get_theirs(move)["open_amount"], move.name)
        self.assertEqual(self.get_cleared(), self.get_collected())
        lines = self.env["account.move.line"].search(
            [("company_id", "=", self.company.id), ("parent_state", "=", "posted")]
        )
        self.assertAlmostEqual(sum(lines.mapped("balance")), 0.0)

    def assert_push_changes_nothing(self, *moves):
        """What we would tell PAYT, it has: no payment appears, none goes, nothing is open that wasn't."""
        facts = self.get_facts()
        for move in moves:
            move._queue_payt_update()
        self.push()
        self.assertEqual(self.get_facts(), facts)

    def get_facts(self):
        state = self.sandbox.state()
        return (
            {one["invoice_number"]: one["open_amount"] for one in state["invoices"]},
            sorted((one["id"], one["total_amount"], one["_source"]) for one in state["payments"]),
        )
