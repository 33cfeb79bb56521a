from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from odoo import Command, fields
from odoo.tests import tagged

from odoo.addons.bfocused_billing.drafting.bulk import BulkDrafter
from odoo.addons.bfocused_billing.periods import month_before

from .common import BillingCase
from .size import at_size

# What differs between any two invoices, made in whatever way.
IDENTITIES = {"id", "move_id", "create_date", "write_date", "access_token"}


@tagged("post_install", "-at_install")
class TestBulkEquality(BillingCase):
    """What is made in bulk is, field by field, what Odoo makes of the same values."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.tax = cls.company_data["default_tax_sale"]
        cls.euro = cls.company.currency_id
        cls.moves = cls.env["account.move"]
        cls.other_customer = cls.make_customer("Slagerij De Wit", with_mandate=False, lang=False)
        cls.receivable = cls.customer.property_account_receivable_id

    # === HELPERS

    def make_tax(self, amount, **values):
        return self.tax.copy({"name": f"Tax {amount} {len(values)}", "amount": amount, **values})

    def make_split_tax(self, *parts):
        """A tax of 21 %, booked in parts: percentage and account, or on the account of the invoice line."""
        repartition = [Command.create({"repartition_type": "base"})]
        for percent, account in parts:
            part = {"repartition_type": "tax", "factor_percent": percent, "account_id": account}
            repartition.append(Command.create(part))
        return self.env["account.tax"].create(
            {
                "name": f"Split {parts}",
                "amount": 21.0,
                "company_id": self.company.id,
                "country_id": self.tax.country_id.id,
                "tax_group_id": self.tax.tax_group_id.id,
                "invoice_repartition_line_ids": repartition,
                "refund_repartition_line_ids": repartition,
            }
        )

    def make_line(self, price=30.0, quantity=1.0, taxes=None, product=None, **values):
        taxes = self.tax if taxes is None else taxes
        return Command.create(
            {
                "product_id": (product or self.cloudbox).id,
                "name": "Cloudbox\n1 januari 2026 t/m 31 januari 2026",
                "quantity": quantity,
                "price_unit": price,
                "discount": 0.0,
                "tax_ids": [Command.set(taxes.ids)],
                "product_uom_id": (product or self.cloudbox).uom_id.id,
                "analytic_distribution": False,
                **values,
            }
        )

    def make_values(self, *lines, **values):
        return {
            "move_type": "out_invoice",
            "company_id": self.company.id,
            "partner_id": self.customer.id,
            "currency_id": self.euro.id,
            "fiscal_position_id": False,
            "invoice_date": fields.Date.to_date("2026-01-01"),
            "invoice_date_due": fields.Date.to_date("2026-01-01"),
            "invoice_payment_term_id": False,
            "invoice_origin": "SUB/1",
            "invoice_line_ids": list(lines or [self.make_line()]),
            **values,
        }

    def assert_same(self, *makers, bulk=True, post=True, moves=None):
        """Make and post the invoices of the makers in both ways, each time as if the other had not been.

        :param makers: functions that return the values of an invoice
        :param bulk: whether it is made in bulk, or left to Odoo
        """
        moves = self.moves if moves is None else moves
        self.env.flush_all()
        with self.env.cr.savepoint() as savepoint:
            expected = self.take_snapshots(moves.create([make() for make in makers]), "_post", soft=False, post=post)
            savepoint.rollback()
        self.env.invalidate_all()
        self.env.cr.cache.clear()
        with self.env.cr.savepoint() as savepoint:
            values = [make() for make in makers]
            self.assertEqual([bool(BulkDrafter(moves).prepare(vals)) for vals in values], [bulk] * len(values))
            actual = self.take_snapshots(moves._create_in_bulk(values), "_post_in_bulk", post=post)
            savepoint.rollback()
        self.env.invalidate_all()
        self.env.cr.cache.clear()
        self.maxDiff = None
        for before, after in zip(expected, actual, strict=True):
            self.assertEqual(before, after)

    def take_snapshots(self, moves, method, post=True, **arguments):
        states = [self.take_snapshot(moves)]
        if post:
            getattr(moves, method)(**arguments)
            states.append(self.take_snapshot(moves))
        return states

    def take_snapshot(self, moves):
        """What the database holds of the moves and around them."""
        self.env.flush_all()
        self.env.cr.precommit.run()
        self.env.flush_all()
        self.env.invalidate_all()
        order = {move.id: number for number, move in enumerate(moves)}
        messages = self.env["mail.message"].search([("model", "=", "account.move"), ("res_id", "in", moves.ids)])
        followers = self.env["mail.followers"].search([("res_model", "=", "account.move"), ("res_id", "in", moves.ids)])
        partners = moves.partner_id | moves.commercial_partner_id
        return {
            "moves": [self.take_row(move) for move in moves],
            "lines": [[self.take_row(line) for line in move.line_ids.sorted("id")] for move in moves],
            "messages": sorted(
                (
                    order[message.res_id],
                    message.body,
                    message.subtype_id.id,
                    str(message.tracking_value_ids.mapped("field_id.name")),
                )
                for message in messages
            ),
            "followers": sorted((order[f.res_id], f.partner_id.id, f.subtype_ids.ids) for f in followers),
            "analytic": sorted(
                (order[line.move_line_id.move_id.id], line.amount, line.name, line.account_id.id)
                for line in moves.line_ids.analytic_line_ids
            ),
            "ranks": [(partner.id, partner.customer_rank) for partner in partners.sorted("id")],
        }

    def take_row(self, record):
        """All stored fields: the columns as they are in the database, and the linked records."""
        self.env.cr.execute(f'SELECT * FROM "{record._table}" WHERE id = %s', [record.id])
        row = self.env.cr.dictfetchone()
        linked = {
            name: sorted(record[name].ids)
            for name, field in record._fields.items()
            if field.type == "many2many" and field.store
        }
        return {name: value for name, value in {**row, **linked}.items() if name not in IDENTITIES}

    # === CASES

    def test_one_line(self):
        self.assert_same(self.make_values)

    def test_several_invoices(self):
        self.assert_same(
            lambda: self.make_values(self.make_line(10.0), self.make_line(20.0, product=self.internet)),
            lambda: self.make_values(partner_id=self.other_customer.id),
            lambda: self.make_values(self.make_line(99.99)),
        )

    def test_order_kept_where_one_is_left_to_odoo(self):
        values = [
            self.make_values(ref="A"),
            self.make_values(ref="B", invoice_line_ids=[Command.create({"name": "Text", "display_type": "line_note"})]),
            self.make_values(ref="C"),
        ]
        self.assertEqual(self.moves._create_in_bulk(values).mapped("ref"), ["A", "B", "C"])

    def test_left_to_odoo_where_a_module_makes_items_of_its_own(self):
        def _get_sync_stack(moves, container):
            calls.append(moves)
            return original(moves, container)

        calls, original = [], type(self.moves)._get_sync_stack
        self.assertTrue(BulkDrafter(self.moves).has_odoo_sync())
        with patch.object(type(self.moves), "_get_sync_stack", _get_sync_stack):
            self.assertFalse(BulkDrafter(self.moves).has_odoo_sync())
            self.moves._create_in_bulk([self.make_values()])
        self.assertTrue(calls)

    def test_ranks_of_customers_who_have_one(self):
        self.customer.customer_rank = 3
        moves = self.moves._create_in_bulk(
            [self.make_values(), self.make_values(), self.make_values(partner_id=self.other_customer.id)]
        )
        moves._post_in_bulk()
        self.assertEqual(self.other_customer.customer_rank, 1)
        # Odoo adds to a rank after the commit, in a transaction of its own
        self.assertEqual(self.customer.customer_rank, 3)
        pending = self.env.cr.postcommit.data["account.res.partner.increase_rank.customer_rank"]
        self.assertEqual(pending[self.customer.id], 2)

    def test_numbers_follow_without_gap(self):
        moves = self.moves._create_in_bulk([self.make_values() for _number in range(5)])
        moves._post_in_bulk()
        numbers = moves.mapped("sequence_number")
        self.assertEqual(numbers, list(range(numbers[0], numbers[0] + 5)))
        self.assertFalse(any(moves.mapped("made_sequence_gap")))

    def test_numbers_of_several_periods(self):
        dates = ["2025-12-31", "2026-01-01", "2026-02-01"]
        self.assert_same(
            *(lambda date=date: self.make_values(invoice_date=date, invoice_date_due=date) for date in dates)
        )

    def test_journal_with_a_sequence_for_refunds(self):
        self.company_data["default_journal_sale"].refund_sequence = True
        self.assert_same(self.make_values, lambda: self.make_values(move_type="out_refund"), self.make_values)

    def test_several_taxes_on_a_line(self):
        taxes = self.tax + self.make_tax(5.5)
        self.assert_same(lambda: self.make_values(self.make_line(33.33, taxes=taxes)))

    def test_tax_on_tax(self):
        first = self.make_tax(10.0, include_base_amount=True, sequence=1)
        second = self.make_tax(5.0, is_base_affected=True, sequence=2)
        self.assert_same(lambda: self.make_values(self.make_line(33.33, 3, taxes=first + second)))

    def test_price_includes_tax(self):
        included = self.make_tax(21.0, price_include_override="tax_included")
        self.assert_same(
            lambda: self.make_values(self.make_line(21.53, taxes=included), self.make_line(21.53, taxes=included))
        )

    def test_group_of_taxes(self):
        children = self.make_tax(6.0) + self.make_tax(3.0, description="x")
        group = self.make_tax(0.0, amount_type="group", children_tax_ids=[Command.set(children.ids)])
        self.assert_same(lambda: self.make_values(self.make_line(taxes=group), self.make_line(12.0)))

    def test_fixed_tax(self):
        taxes = self.tax + self.make_tax(0.33, amount_type="fixed")
        self.assert_same(lambda: self.make_values(self.make_line(10.0, 3, taxes=taxes)))

    def test_tax_split_over_accounts(self):
        account = self.company_data["default_account_tax_sale"]
        tax = self.make_split_tax((40, account.id), (60, False))
        self.assert_same(lambda: self.make_values(self.make_line(33.33, taxes=tax), self.make_line(7.77, taxes=tax)))

    def test_tax_due_on_payment(self):
        self.company.tax_exigibility = True
        transition = self.company_data["default_account_tax_sale"].copy({"name": "Transition", "reconcile": True})
        tax = self.make_tax(21.0, tax_exigibility="on_payment", cash_basis_transition_account_id=transition.id)
        self.assert_same(lambda: self.make_values(self.make_line(33.33, taxes=tax)))

    def test_zero_and_no_tax(self):
        zero = self.make_tax(0.0)
        self.assert_same(
            lambda: self.make_values(self.make_line(taxes=zero), self.make_line(taxes=self.env["account.tax"]))
        )

    def test_reverse_charge(self):
        taxes = self.env["account.tax"].search(
            [("company_id", "=", self.company.id), ("type_tax_use", "=", "sale"), ("amount", "=", 0)]
        )
        self.assertTrue(taxes)
        self.assert_same(*(lambda tax=tax: self.make_values(self.make_line(taxes=tax)) for tax in taxes))
        negative = self.make_split_tax((100, False), (-100, False))
        self.assert_same(lambda: self.make_values(self.make_line(33.33, taxes=negative)))

    def test_rounding_per_line_and_globally(self):
        included = self.make_tax(21.0, price_include_override="tax_included")
        for method in ("round_per_line", "round_globally"):
            self.company.tax_calculation_rounding_method = method
            for tax in (self.tax, included):
                with self.subTest(method=method, tax=tax.name):
                    lines = (0.07, 1.13, 2.49, 9.99, 33.335)
                    self.assert_same(
                        lambda tax=tax, lines=lines: self.make_values(
                            *(self.make_line(price, 3, taxes=tax, discount=12.5) for price in lines)
                        )
                    )

    def test_payment_term_with_one_instalment(self):
        term = self.env.ref("account.account_payment_term_30days")
        self.assert_same(lambda: self.make_values(invoice_payment_term_id=term.id))
        values = self.make_values(invoice_payment_term_id=term.id)
        del values["invoice_date_due"]
        self.assert_same(lambda: {**values})

    def test_payment_term_with_several_instalments(self):
        for instalments in (
            [("percent", 33.33, 10), ("percent", 33.33, 10), ("percent", 33.34, 60)],
            [("fixed", 12.0, 0), ("percent", 100, 30)],
        ):
            lines = [
                Command.create({"value": value, "value_amount": amount, "nb_days": days})
                for value, amount, days in instalments
            ]
            if instalments[0][0] == "fixed":
                lines[1] = Command.create({"value": "percent", "value_amount": 100.0, "nb_days": 30})
            term = self.env["account.payment.term"].create({"name": "Parts", "line_ids": lines})
            for move_type in ("out_invoice", "out_refund"):
                with self.subTest(instalments=instalments, move_type=move_type):
                    self.assert_same(
                        lambda term=term, move_type=move_type: self.make_values(
                            self.make_line(99.99), invoice_payment_term_id=term.id, move_type=move_type
                        ),
                        self.make_values,
                    )

    def test_early_payment_discount_is_left_to_odoo(self):
        term = self.env["account.payment.term"].create(
            {
                "name": "Early",
                "early_discount": True,
                "discount_percentage": 2,
                "line_ids": [Command.create({"value": "percent", "value_amount": 100, "nb_days": 30})],
            }
        )
        self.assert_same(lambda: self.make_values(invoice_payment_term_id=term.id), bulk=False)

    def test_fiscal_position_that_maps_accounts(self):
        source = self.cloudbox.product_tmpl_id.get_product_accounts()["income"]
        receivable = self.receivable.copy({"name": "Other receivable"})
        position = self.env["account.fiscal.position"].create(
            {
                "name": "Mapping",
                "company_id": self.company.id,
                "account_ids": [
                    Command.create({"account_src_id": source.id, "account_dest_id": source.copy().id}),
                    Command.create({"account_src_id": self.receivable.id, "account_dest_id": receivable.id}),
                ],
            }
        )
        self.assert_same(lambda: self.make_values(fiscal_position_id=position.id))

    def test_foreign_currency(self):
        dollar = self.env.ref("base.USD")
        dollar.active = True
        self.env["res.currency.rate"].create(
            {"name": "2025-12-01", "currency_id": dollar.id, "company_id": self.company.id, "rate": 1.173}
        )
        term = self.env["account.payment.term"].create(
            {
                "name": "Thirds",
                "line_ids": [
                    Command.create({"value": "percent", "value_amount": 33.33, "nb_days": 10}),
                    Command.create({"value": "percent", "value_amount": 66.67, "nb_days": 30}),
                ],
            }
        )
        for method in ("round_per_line", "round_globally"):
            self.company.tax_calculation_rounding_method = method
            for move_type in ("out_invoice", "out_refund"):
                with self.subTest(method=method, move_type=move_type):
                    self.assert_same(
                        lambda move_type=move_type: self.make_values(
                            self.make_line(33.33, 3),
                            self.make_line(0.07, 7),
                            currency_id=dollar.id,
                            move_type=move_type,
                        ),
                        lambda move_type=move_type: self.make_values(
                            self.make_line(33.33, 3),
                            currency_id=dollar.id,
                            move_type=move_type,
                            invoice_payment_term_id=term.id,
                        ),
                    )

    def test_analytic_distribution(self):
        plan = self.env["account.analytic.plan"].create({"name": "Plan"})
        accounts = self.env["account.analytic.account"].create(
            [{"name": name, "plan_id": plan.id, "company_id": self.company.id} for name in "AB"]
        )
        split = {str(accounts[0].id): 33.333, str(accounts[1].id): 66.667}
        analytic_tax = self.make_tax(21.0, analytic=True)
        for tax in (self.tax, analytic_tax):
            with self.subTest(tax=tax.name):
                self.assert_same(
                    lambda tax=tax: self.make_values(
                        self.make_line(33.33, taxes=tax, analytic_distribution=split), self.make_line(5.0, taxes=tax)
                    )
                )

    def test_lines_of_orders(self):
        plan = self.env["account.analytic.plan"].create({"name": "Plan"})
        account = self.env["account.analytic.account"].create({"name": "A", "plan_id": plan.id})
        analytic_tax = self.make_tax(21.0, analytic=True)
        order = self.env["sale.order"].create(
            {
                "partner_id": self.customer.id,
                "order_line": [
                    Command.create({"product_id": self.router.id, "product_uom_qty": 3, "tax_ids": tax.ids, **values})
                    for tax, values in (
                        (self.tax, {"discount": 7.5}),
                        (self.tax, {"analytic_distribution": {str(account.id): 100}}),
                        (analytic_tax, {"analytic_distribution": {str(account.id): 100}}),
                    )
                ],
            }
        )
        order.action_confirm()
        order.date_order = "2025-12-01 12:00:00"
        sold = order.order_line._get_sold(month_before(fields.Date.to_date("2026-01-01")))
        items = order._get_items(sold)
        self.assertEqual(len(items), 3)

        def make(items):
            return self.make_values(self.make_line(), *(Command.create(item.values) for item in items))

        self.assert_same(lambda: make(items[:2]))
        self.assert_same(lambda: make(items), bulk=False)
        move = self.moves._create_in_bulk([make(items[:2])])
        self.assertEqual(order.order_line.mapped("qty_invoiced"), [3.0, 3.0, 0.0])
        self.assertEqual(move.invoice_line_ids[-1].analytic_distribution, {str(account.id): 100})

    def test_analytic_distribution_model(self):
        plan = self.env["account.analytic.plan"].create({"name": "Plan"})
        account = self.env["account.analytic.account"].create({"name": "A", "plan_id": plan.id})
        self.env["account.analytic.distribution.model"].create(
            {"partner_id": self.customer.id, "analytic_distribution": {str(account.id): 100}}
        )

        def make(tax):
            values = self.make_values(self.make_line(taxes=tax))
            del values["invoice_line_ids"][0][2]["analytic_distribution"]
            return values

        self.assert_same(lambda: make(self.tax))
        analytic_tax = self.make_tax(21.0, analytic=True)
        self.assert_same(lambda: make(analytic_tax), bulk=False)

    def test_cash_rounding_is_left_to_odoo(self):
        rounding = self.env["account.cash.rounding"].create(
            {
                "name": "0.05",
                "rounding": 0.05,
                "strategy": "biggest_tax",
                "rounding_method": "HALF-UP",
            }
        )
        self.assert_same(
            lambda: self.make_values(self.make_line(33.33), invoice_cash_rounding_id=rounding.id), bulk=False
        )

    def test_refund(self):
        self.assert_same(lambda: self.make_values(self.make_line(33.33, 2), move_type="out_refund"))

    def test_negative_line(self):
        self.assert_same(lambda: self.make_values(self.make_line(33.33, 2), self.make_line(12.12, -1)))

    def test_zero_total(self):
        self.assert_same(
            lambda: self.make_values(self.make_line(33.33), self.make_line(-33.33)),
            lambda: self.make_values(self.make_line(0.0)),
        )

    def test_account_given(self):
        account = self.company_data["default_account_revenue"].copy({"name": "Given"})
        self.assert_same(lambda: self.make_values(self.make_line(account_id=account.id)))
        self.assert_same(
            lambda: self.make_values(self.make_line(account_id=self.receivable.id)), bulk=False, post=False
        )

    def test_customer_of_a_company(self):
        person = self.env["res.partner"].create({"name": "Jan", "parent_id": self.customer.id, "type": "invoice"})
        self.assert_same(lambda: self.make_values(partner_id=person.id))

    def test_without_tracking(self):
        self.assert_same(self.make_values, self.make_values, moves=self.moves.with_context(tracking_disable=True))

    def test_values_of_a_run(self):
        self.make_subscription(self.month, self.cloudbox)
        self.make_subscription(self.quarter, self.internet, self.domain, start="2026-01-17")
        made = []
        original = type(self.moves)._create_in_bulk

        def spy(moves, vals_list):
            made.extend(vals_list)
            return original(moves, vals_list)

        with patch.object(type(self.moves), "_create_in_bulk", spy), self.env.cr.savepoint() as savepoint:
            run = self.make_run("2026-02-01")
            run._draft(run._get_groups(run._get_customers()))
            savepoint.rollback()
        self.assertTrue(made)
        run_fields = {"billing_run_id"}
        self.assert_same(
            *(
                lambda vals=vals: {
                    name: [Command.create(dict(line)) for _command, _id, line in value]
                    if name == "invoice_line_ids"
                    else value
                    for name, value in vals.items()
                    if name not in run_fields
                }
                for vals in made
            )
        )

    @settings(max_examples=at_size(25, 6))
    @given(data=st.data())
    def test_random(self, data):
        if not hasattr(self, "random_taxes"):
            type(self).random_taxes = [
                self.tax,
                self.make_tax(9.0),
                self.make_tax(21.0, price_include_override="tax_included"),
                self.make_tax(0.0),
            ]
        money = st.decimals(min_value=-50, max_value=500, places=2).map(float)
        lines = data.draw(
            st.lists(
                st.tuples(
                    money,
                    st.sampled_from([1, 2, 3, 0.5, 1.25]),
                    st.sampled_from([0, 10, 33.33, 100]),
                    st.sets(st.integers(0, 3), max_size=2),
                ),
                min_size=1,
                max_size=5,
            )
        )
        move_type = data.draw(st.sampled_from(["out_invoice", "out_refund"]))
        self.company.tax_calculation_rounding_method = data.draw(st.sampled_from(["round_per_line", "round_globally"]))
        taxes = self.env["account.tax"]
        self.assert_same(
            lambda: self.make_values(
                *(
                    self.make_line(
                        price,
                        quantity,
                        taxes=taxes.union(*(self.random_taxes[number] for number in chosen)),
                        discount=discount,
                    )
                    for price, quantity, discount, chosen in lines
                ),
                move_type=move_type,
            ),
            post=False,
        )
