from decimal import Decimal

from freezegun import freeze_time
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from lxml import html

from odoo import Command

from ..tools import includes_vat
from .common import day
from .explain_common import ExplainCase
from .size import at_size

PRICES = st.integers(1, 999999).map(lambda number: number / 1000)
LINES = st.lists(
    st.tuples(PRICES, st.sampled_from((1.0, 2.0, 3.0, 0.5, 7.25)), st.sampled_from((0.0, 0.0, 5.0, 33.33))),
    min_size=1,
    max_size=7,
)


@freeze_time("2026-01-01")
class TestBookedAmounts(ExplainCase):
    """A line has one amount: in the books, the ledger, the explanation, the credit, at PAYT and on paper (T26)."""

    def subscribe(self, lines):
        subscription = self.make_subscription(self.quarter, *[self.internet] * len(lines))
        for line, (price, quantity, discount) in zip(subscription.sale_subscription_line_ids, lines, strict=True):
            line.write({"price_unit": price, "product_uom_qty": quantity, "discount": discount})
        return subscription

    def get_invoice(self, subscription):
        return subscription.sale_subscription_line_ids.move_line_ids.move_id

    def get_amounts_on_paper(self, move, cell="td_subtotal"):
        """The amounts of the lines as the report prints them."""
        content, _type = self.env["ir.actions.report"]._render_qweb_html("account.account_invoices", move.ids)
        cells = html.fromstring(content).xpath(f"//td[@name='{cell}']")
        texts = [cell.text_content() for cell in cells]
        digits = ["".join(char for char in text if char in "0123456789,-") for text in texts]
        return [Decimal(text.replace(",", ".")) for text in digits if text]

    def check(self, move):
        lines = move.invoice_line_ids.sorted("id")
        booked = [line._get_booked_amount() for line in lines]
        self.assertEqual(round(sum(booked), 2), move.amount_untaxed)
        self.assertEqual(booked, [abs(line.balance) for line in lines])
        sign = move._get_billing_sign()
        self.assertEqual([sign * line.charge_ids.amount_untaxed for line in lines], booked)
        for line, amount in zip(lines, booked, strict=True):
            parts = [part.amount for part in line._explain_billing() if part.amount is not None]
            self.assertEqual(float(sum(parts)), amount)
            self.assertFalse([part for part in line._explain_billing() if part.kind == "manual"])
        self.assertEqual([float(amount) for amount in self.get_amounts_on_paper(move)], booked)

    def test_six_lines_of_79_44_make_an_invoice_of_476_63(self):
        subscription = self.subscribe([(79.4383, 1, 0)] * 6)
        self.env["decimal.precision"].search([("name", "=", "Product Price")]).digits = 4
        self.bill("2026-01-01")
        invoice = self.get_invoice(subscription)
        self.assertEqual(invoice.amount_untaxed, 476.63)
        self.assertEqual(sorted(subscription.sale_subscription_line_ids.charge_ids.mapped("amount_untaxed")),
                         [79.43, 79.44, 79.44, 79.44, 79.44, 79.44])  # fmt: skip
        self.check(invoice)

    def test_rounded_per_line_each_line_is_booked_at_its_own_amount(self):
        self.company.tax_calculation_rounding_method = "round_per_line"
        subscription = self.subscribe([(79.4383, 1, 0)] * 6)
        self.bill("2026-01-01")
        self.assertEqual(self.get_invoice(subscription).amount_untaxed, 476.64)
        self.check(self.get_invoice(subscription))

    def test_a_line_that_was_rounded_is_credited_whole_by_a_copy_of_the_invoice(self):
        subscription = self.subscribe([(79.4383, 1, 0)] * 6)
        self.bill("2026-01-01")
        invoice = self.get_invoice(subscription)
        wizard = self.env["account.move.reversal"].with_context(active_model="account.move", active_ids=invoice.ids)
        reversal = wizard.create({"journal_id": invoice.journal_id.id, "bill_again": True})
        reversal.refund_moves()
        reversal.new_move_ids.invoice_line_ids[:3].unlink()  # the rest is rounded otherwise
        reversal.new_move_ids.action_post()
        self.assertEqual(len(invoice.invoice_line_ids.charge_ids.filtered(lambda charge: charge.state == "void")), 3)

    @settings(max_examples=at_size(40, 6), deadline=None, phases=[Phase.generate])
    @given(
        lines=LINES,
        method=st.sampled_from(("round_globally", "round_per_line")),
        is_included=st.booleans(),
        ends=st.lists(st.dates(day("2026-01-01"), day("2026-03-31")), max_size=2),
    )
    def test_whatever_the_prices_all_amounts_of_a_line_are_the_booked_one(self, lines, method, is_included, ends):
        with self.env.cr.savepoint() as savepoint:
            self.company.tax_calculation_rounding_method = method
            if is_included:
                self.include_tax(self.internet)
            subscription = self.subscribe(lines)
            self.bill("2026-01-01")
            self.check(self.get_invoice(subscription))
            self.check_credits(subscription, ends)
            savepoint.rollback()
        self.env.invalidate_all()

    def check_credits(self, subscription, ends):
        """Days are given back in steps, at last all of them: what was booked, to the cent; where prices include VAT,
        the price, of which Odoo's rounding may put a cent elsewhere between base and VAT."""
        for number, end in enumerate([*sorted(ends, reverse=True), day("2026-01-01")]):
            subscription.date = end
            self.bill(str(day("2026-01-02").replace(day=2 + number)))
        for line in subscription.sale_subscription_line_ids:
            charges = line._get_live_charges()
            for move_line in line.move_line_ids:
                self.assertEqual(move_line.charge_ids.amount_untaxed, -move_line.amount_currency)
            self.assertEqual(round(sum(charge._get_line_amount() for charge in charges), 2), 0)
            cent_of_vat = 0.01 if includes_vat(line.move_line_ids.tax_ids) else 0
            self.assertLessEqual(abs(round(sum(charges.mapped("amount_untaxed")), 2)), cent_of_vat * len(charges))

    # === ON PAPER

    def make_sections(self, **values):
        section = Command.create({"display_type": "line_section", "name": "Section", **values})
        tax = self.env["account.chart.template"].ref("btw_9")
        lines = [
            Command.create({"product_id": self.internet.id, "price_unit": 79.4383, "tax_ids": [Command.set(taxes.ids)]})
            for taxes in [self.internet.taxes_id] * 6 + [tax] * 5
        ]
        return self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": self.customer.id,
                "invoice_line_ids": [section, *lines],
            }
        )

    def test_lines_of_a_collapsed_section_add_up_to_the_invoice(self):
        for values in ({"collapse_composition": True}, {"collapse_prices": True}):
            with self.subTest(values=values):
                move = self.make_sections(**values)
                self.assertNotEqual(round(sum(move.invoice_line_ids.mapped("price_subtotal")), 2), move.amount_untaxed)
                section = move.invoice_line_ids.filtered(lambda line: line.display_type == "line_section")
                rows = section._get_child_lines()
                if "collapse_prices" in values:
                    rows = [row for row in rows if row["display_type"] == "line_section"]
                self.assertEqual(len(rows), 2)  # one per tax
                self.assertEqual(round(sum(row["price_subtotal"] for row in rows), 2), move.amount_untaxed)
                self.assertEqual(round(sum(row["price_total"] for row in rows), 2), move.amount_total)
                amounts = self.get_amounts_on_paper(move, "td_subtotal_grouped")
                self.assertEqual(sum(amounts), Decimal(str(move.amount_untaxed)))
                self.assertFalse(move._origin.invoice_line_ids - move.invoice_line_ids)

    def test_lines_with_tax_on_paper_add_up_to_the_total(self):
        self.company.account_price_include = "tax_included"
        move = self.make_sections()
        move.invoice_line_ids.filtered("display_type").filtered(lambda line: line.display_type != "product").unlink()
        self.assertEqual(sum(self.get_amounts_on_paper(move)), Decimal(str(move.amount_total)))

    def test_every_layout_prints_the_booked_amounts(self):
        move = self.make_sections()
        move.invoice_line_ids.filtered(lambda line: line.display_type != "product").unlink()
        for layout in self.env["report.layout"].search([("view_id", "!=", False)]):
            with self.subTest(layout=layout.name):
                self.company.external_report_layout_id = layout.view_id
                self.assertEqual(sum(self.get_amounts_on_paper(move)), Decimal(str(move.amount_untaxed)))

    def test_a_reprint_does_not_follow_changed_settings(self):
        subscription = self.subscribe([(79.4383, 1, 0)] * 6)
        self.bill("2026-01-01")
        invoice = self.get_invoice(subscription)
        printed = self.get_amounts_on_paper(invoice)
        self.company.tax_calculation_rounding_method = "round_per_line"
        self.assertEqual(self.get_amounts_on_paper(invoice), printed)
        self.company.use_billing = False
        self.assertEqual(self.get_amounts_on_paper(invoice), printed)

    def test_the_settings_propose_rounding_per_line(self):
        view = self.env["res.config.settings"].get_view(self.env.ref("base.res_config_settings_view_form").id)
        [node] = html.fromstring(view["arch"]).xpath("//setting[@id='billing_rounding']")
        self.assertIn("six of 79.44 as 476.63", node.get("help"))
        self.assertTrue(node.xpath(".//field[@name='tax_calculation_rounding_method']"))
        self.assertIn("Proposed for subscriptions", node.text_content())

    def test_a_company_without_billing_prints_as_ever(self):
        move = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": self.customer.id,
                "invoice_line_ids": [
                    Command.create({"product_id": self.internet.id, "price_unit": 79.4383}) for _number in range(6)
                ],
            }
        )
        self.company.use_billing = False
        self.assertEqual(sum(self.get_amounts_on_paper(move)), sum(Decimal("79.44") for _number in range(6)))
