import inspect
from unittest.mock import patch

from odoo import Command, api, models
from odoo.orm.model_classes import add_to_registry
from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.bfocused_billing.drafting.group import BillingGroup, Item
from odoo.addons.bfocused_billing.explanation import Component, as_decimal
from odoo.addons.bfocused_billing.models.source import billing_source_mixin

from .common import BillingCase, day

PROTOCOL = billing_source_mixin.BillingSourceMixin
REQUIRED = (
    "_get_charge_kinds",
    "_get_billing_customers",
    "_get_billing_parts",
    "_get_billing_group",
    "_prepare_charge",
)
OPTIONAL = (
    "_settle_before_billing",
    "_get_billing_document",
    "_find_billed_items",
    "_explain_charge",
    "_get_first_billing_date",
)
RATE = 0.4


class Kilometres(models.AbstractModel):
    """A fourth thing to bill, as it would stand in one file: kilometres driven for a customer.

    Each record is a trip; instead of a table there is a list, to which its id is the index.
    """

    _module = None  # registered by the test itself
    _name = "bfocused.test.kilometres"
    _description = "Kilometres"
    _inherit = ["bfocused.billing.source.mixin"]

    trips = []  # (subscription, day, kilometres)

    @api.model
    def _get_charge_kinds(self):
        return ("distance",)

    @api.model
    def _get_open(self, run):
        charged = self.env["bfocused.billing.charge"].search([("kind", "=", "distance"), ("state", "!=", "void")])
        known = {(charge.partner_id, charge.period_start) for charge in charged}
        return [
            (subscription.partner_id, self.browse(number))
            for number, (subscription, date, _distance) in enumerate(self.trips, start=1)
            if date <= run.date and (subscription.partner_id, date) not in known
        ]

    def _get_trip(self):
        return self.trips[self.id - 1]

    @api.model
    def _get_billing_customers(self, run):
        return self.env["res.partner"].union(*(partner for partner, _trip in self._get_open(run)))

    @api.model
    def _get_billing_parts(self, run, customers):
        for partner, trip in self._get_open(run):
            if partner in customers:
                yield partner, trip

    @api.model
    def _get_billing_group(self, run, part, memo):
        subscription, date, distance = part._get_trip()
        if distance < 0:
            raise ValueError("A trip backwards")
        product = subscription.sale_subscription_line_ids.product_id[:1]
        taxes = product.taxes_id._filter_taxes_by_company(run.company_id)
        values = {
            "product_id": product.id,
            "name": f"{distance} km",
            "quantity": distance,
            "price_unit": RATE,
            "tax_ids": [Command.set(taxes.ids)],
            "start_date": date,
            "end_date": date,
        }
        key = subscription._get_group_key(run.company_id, memo)
        return BillingGroup(key, subscription._get_billing_partner(), items=[Item(part, values)])

    def _get_billing_document(self):
        return self._get_trip()[0]

    def _prepare_charge(self, item, move_line, run):
        _subscription, date, distance = self._get_trip()
        return {
            "company_id": run.company_id.id,
            "currency_id": move_line.currency_id.id,
            "kind": "distance",
            "partner_id": move_line.move_id.commercial_partner_id.id,
            "period_start": date,
            "period_end": date,
            "quantity": distance,
            "move_line_id": move_line.id,
            "run_id": run.id,
        }

    @api.model
    def _explain_charge(self, charge):
        return [Component("distance", f"{charge.quantity:g} km driven", as_decimal(charge.quantity * RATE, 2))]


class TestBillingSources(BillingCase):
    """Each source of the table keeps the protocol."""

    def get_models(self):
        sources = self.env["bfocused.billing.source.mixin"]._get_billing_sources()
        return {source._name: type(source) for source in sources}

    def test_the_table_has_the_sources_in_the_order_of_the_invoice(self):
        self.assertEqual(list(self.get_models()), list(billing_source_mixin.BILLING_SOURCES))

    def test_each_source_has_the_methods_with_their_arguments(self):
        for name, model in self.get_models().items():
            self.assertTrue(issubclass(model, PROTOCOL), name)
            for method in REQUIRED + OPTIONAL:
                with self.subTest(f"{name}.{method}"):
                    expected = inspect.signature(getattr(PROTOCOL, method))
                    self.assertEqual(inspect.signature(getattr(model, method)), expected)

    def test_each_source_has_what_has_no_default(self):
        for name, model in self.get_models().items():
            for method in REQUIRED:
                with self.subTest(f"{name}.{method}"):
                    self.assertIsNot(getattr(model, method), getattr(PROTOCOL, method))

    def test_each_source_explains_its_charges(self):
        for name, model in self.get_models().items():
            with self.subTest(name):
                self.assertIsNot(model._explain_charge, PROTOCOL._explain_charge)

    def test_each_kind_of_charge_has_one_source(self):
        sources = self.env["bfocused.billing.source.mixin"]._get_billing_sources()
        kinds = [kind for source in sources for kind in source._get_charge_kinds()]
        self.assertCountEqual(kinds, dict(self.env["bfocused.billing.charge"]._fields["kind"].selection))

    def test_what_has_no_default_is_asked_for(self):
        mixin = self.env["bfocused.billing.source.mixin"]
        with self.assertRaises(NotImplementedError):
            mixin._get_charge_kinds()
        with self.assertRaises(NotImplementedError):
            mixin._get_billing_customers(None)


@tagged("post_install", "-at_install")
class TestFourthSource(BillingCase):
    """A model that keeps the protocol and stands in the table is billed as the others are."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        add_to_registry(cls.registry, Kilometres)
        cls.addClassCleanup(cls.registry.__delitem__, Kilometres._name)
        cls.registry._setup_models__(cls.env.cr, [Kilometres._name])
        kind = cls.env["bfocused.billing.charge"]._fields["kind"]
        kinds = [*kind.selection, ("distance", "Kilometres")]
        for name, value in (("selection", kinds), ("_selection", dict(kinds))):
            cls.addClassCleanup(setattr, kind, name, getattr(kind, name))
            setattr(kind, name, value)
        sources = (*billing_source_mixin.BILLING_SOURCES, Kilometres._name)
        cls.classPatch(billing_source_mixin, "BILLING_SOURCES", sources)
        cls.subscription = cls.make_subscription(cls.month, cls.cloudbox)

    def setUp(self):
        super().setUp()
        self.drive((self.subscription, day("2026-01-01"), 30))

    def drive(self, *trips):
        patcher = patch.object(Kilometres, "trips", list(trips))
        patcher.start()
        self.addCleanup(patcher.stop)

    def get_lines(self):
        return self.get_invoices().invoice_line_ids.sorted("id")

    def get_charge(self):
        return self.env["bfocused.billing.charge"].search([("kind", "=", "distance")])

    def test_it_stands_on_the_customers_invoice_after_the_others(self):
        self.bill("2026-01-01")
        self.assertEqual(self.get_lines().mapped("price_subtotal"), [30.0, 12.0])
        self.assertEqual(self.get_invoices().invoice_origin, self.subscription.name)
        self.assertRecordValues(
            self.get_charge(),
            [{"amount_untaxed": 12.0, "state": "billed", "quantity": 30, "move_line_id": self.get_lines()[1].id}],
        )

    def test_it_is_billed_to_who_has_nothing_else(self):
        self.bill("2026-01-01")
        self.drive((self.subscription, day("2026-01-15"), 10))
        self.bill("2026-01-20")
        self.assertEqual(self.get_lines()[2:].mapped("price_subtotal"), [4.0])

    def test_it_is_billed_once(self):
        self.bill("2026-01-01")
        self.bill("2026-01-02")
        self.assertEqual(len(self.get_charge()), 1)

    def test_a_preview_shows_it_and_leaves_nothing(self):
        run = self.make_run("2026-01-01")
        run.action_preview()
        self.assertEqual(run.line_ids.amount_new, 42.0)
        self.assertFalse(self.get_charge())

    def test_it_is_explained(self):
        self.bill("2026-01-01")
        parts = self.get_lines()[1]._explain_billing()
        self.assertEqual([(part.label, float(part.amount)) for part in parts], [("30 km driven", 12.0)])

    @mute_logger("odoo.addons.bfocused_billing.models.run.billing_run")
    def test_what_goes_wrong_with_it_fails_its_customer_only(self):
        other = self.make_subscription(self.month, self.cloudbox, customer=self.make_customer("Second"))
        self.drive((self.subscription, day("2026-01-01"), 30), (other, day("2026-01-01"), -1))
        run = self.bill("2026-01-01", may_fail=True)
        failed = run.line_ids.filtered(lambda line: line.outcome == "failed")
        self.assertEqual(failed.partner_id, other.partner_id, failed.mapped("message"))
        self.assertIn("A trip backwards", failed.message)
        self.assertEqual(self.get_lines().mapped("price_subtotal"), [30.0, 12.0])
