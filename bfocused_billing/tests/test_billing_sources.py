import inspect

from psycopg2.errors import UniqueViolation

from odoo import Command, api, fields, models
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
    "_get_supply_nature",
    "_get_billing_document",
    "_after_drafting",
    "_stays_open",
    "_find_billed_items",
    "_explain_charge",
    "_get_first_billing_date",
)
RATE = 0.4


class Trip(models.Model):
    """A fourth thing to bill, as it would stand in one file: kilometres driven for a customer."""

    _module = None  # registered by the test itself
    _name = "bfocused.test.trip"
    _description = "Kilometres"
    _inherit = ["bfocused.billing.source.mixin"]

    subscription_id = fields.Many2one("sale.subscription", required=True)
    date = fields.Date(required=True)
    distance = fields.Integer()
    move_id = fields.Many2one("account.move")
    charge_ids = fields.One2many("bfocused.billing.charge", "trip_id")

    @api.model
    def _get_charge_kinds(self):
        return ("distance",)

    @api.model
    def _get_open(self, run):
        domain = [("date", "<=", run.date), ("charge_ids", "not any", [("state", "!=", "void")])]
        return self.search(domain, order="id")

    @api.model
    def _get_billing_customers(self, run):
        return self._get_open(run).subscription_id.partner_id

    @api.model
    def _get_billing_parts(self, run, customers):
        for trip in self._get_open(run):
            if trip.subscription_id.partner_id in customers:
                yield trip.subscription_id.partner_id, trip

    @api.model
    def _get_billing_group(self, run, part, memo):
        if part.distance < 0:
            raise ValueError("A trip backwards")
        subscription = part.subscription_id
        product = subscription.sale_subscription_line_ids.product_id[:1]
        taxes = product.taxes_id._filter_taxes_by_company(run.company_id)
        values = {
            "product_id": product.id,
            "name": f"{part.distance} km",
            "quantity": part.distance,
            "price_unit": RATE,
            "tax_ids": [Command.set(taxes.ids)],
            "start_date": part.date,
            "end_date": part.date,
        }
        terms = subscription._get_invoice_terms(run.company_id, memo)
        return BillingGroup(terms, subscription._get_billing_partner(), items=[Item(part, values)])

    @api.model
    def _get_supply_nature(self, has_period=True):
        return "separate"

    def _get_billing_document(self):
        return self.subscription_id

    def _prepare_charge(self, item, move_line, run):
        return {
            "company_id": run.company_id.id,
            "currency_id": move_line.currency_id.id,
            "kind": "distance",
            "trip_id": self.id,
            "partner_id": move_line.move_id.commercial_partner_id.id,
            "period_start": self.date,
            "period_end": self.date,
            "quantity": self.distance,
            "move_line_id": move_line.id,
            "run_id": run.id,
        }

    @api.model
    def _after_drafting(self, run, drafted):
        for item, move in drafted:
            item.source.move_id = move

    @api.model
    def _explain_charge(self, charge):
        return [Component("distance", f"{charge.quantity:g} km driven", as_decimal(charge.quantity * RATE, 2))]


class BillingCharge(models.Model):
    """What the same file says of its rows in the ledger."""

    _module = None
    _name = "bfocused.billing.charge"
    _inherit = ["bfocused.billing.charge"]

    kind = fields.Selection(selection_add=[("distance", "Kilometres")], ondelete={"distance": "cascade"})
    trip_id = fields.Many2one("bfocused.test.trip", index="btree_not_null", ondelete="restrict")

    _trip_once = models.UniqueIndex(
        "(trip_id) WHERE kind = 'distance' AND state <> 'void'", "This trip was billed already."
    )


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
        cls.add_trips()
        sources = (*billing_source_mixin.BILLING_SOURCES, Trip._name)
        cls.classPatch(billing_source_mixin, "BILLING_SOURCES", sources)
        cls.subscription = cls.make_subscription(cls.month, cls.cloudbox)

    @classmethod
    def add_trips(cls):
        """Do what Odoo does when it installs an add-on with that file; the class' transaction undoes it."""
        charges = cls.registry[BillingCharge._name]
        cls.addClassCleanup(cls.registry.__delitem__, Trip._name)
        cls.addClassCleanup(setattr, charges, "_base_classes__", charges._base_classes__)
        names = [Trip._name, BillingCharge._name]
        for model in (Trip, BillingCharge):
            add_to_registry(cls.registry, model)
        cls.registry._setup_models__(cls.env.cr, names)
        with mute_logger("odoo.addons.base.models.ir_model"):  # that the index is no add-on's
            cls.registry.init_models(cls.env.cr, names, {})
        cls.env["ir.model.access"].sudo().create(
            {
                "name": "trip",
                "model_id": cls.env["ir.model"].sudo()._get_id(Trip._name),
                "group_id": cls.env.ref("bfocused_billing.group_billing_user").id,
                "perm_read": True,
                "perm_write": True,
                "perm_create": True,
            }
        )

    def setUp(self):
        super().setUp()
        self.trip = self.drive(self.subscription, "2026-01-01", 30)

    def drive(self, subscription, date, distance):
        return self.env[Trip._name].create({"subscription_id": subscription.id, "date": date, "distance": distance})

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
        self.assertEqual(self.get_charge().trip_id, self.trip)

    def test_it_is_billed_to_who_has_nothing_else(self):
        self.bill("2026-01-01")
        self.drive(self.subscription, "2026-01-15", 10)
        self.bill("2026-01-20")
        self.assertEqual(self.get_lines()[2:].mapped("price_subtotal"), [4.0])

    def test_it_is_billed_once(self):
        self.bill("2026-01-01")
        self.bill("2026-01-02")
        self.assertEqual(len(self.get_charge()), 1)

    def test_the_database_refuses_to_bill_it_twice(self):
        self.bill("2026-01-01")
        charge = self.get_charge().sudo()
        with self.assertRaises(UniqueViolation), mute_logger("odoo.sql_db"), self.env.cr.savepoint():
            charge.copy({"move_line_id": charge.move_line_id.id}).flush_recordset()

    def test_it_is_billed_again_when_its_line_was_deleted(self):
        self.bill("2026-01-01")
        self.get_invoices().button_draft()
        self.get_lines()[1].unlink()
        self.assertEqual(self.get_charge().state, "void")
        self.bill("2026-01-02")
        self.assertEqual(self.get_lines().mapped("price_subtotal"), [30.0, 12.0])
        self.assertCountEqual(self.get_charge().mapped("state"), ["void", "billed"])

    def test_its_nature_is_the_same_in_the_ledger_on_the_line_and_in_the_run(self):
        self.company.write({"billing_min_amount": 500, "billing_deferral_separate": "issue"})
        self.bill("2026-02-01")
        self.assertEqual(self.get_charge().supply_nature, "separate")
        self.assertEqual(self.get_charge().move_line_id.supply_nature, "separate")
        self.assertRecordValues(self.get_invoices(), [{"state": "posted", "collection_date": day("2026-04-01")}])

    def test_it_knows_its_invoice(self):
        self.bill("2026-01-01")
        self.assertEqual(self.trip.move_id, self.get_invoices())

    def test_a_preview_shows_it_and_leaves_nothing(self):
        run = self.make_run("2026-01-01")
        run.action_preview()
        self.assertEqual(run.line_ids.amount_new, 42.0)
        self.assertFalse(self.get_charge())
        self.assertFalse(self.trip.move_id)

    def test_it_is_explained(self):
        self.bill("2026-01-01")
        parts = self.get_lines()[1]._explain_billing()
        self.assertEqual([(part.label, float(part.amount)) for part in parts], [("30 km driven", 12.0)])

    @mute_logger("odoo.addons.bfocused_billing.models.run.billing_run")
    def test_what_goes_wrong_with_it_fails_its_customer_only(self):
        other = self.make_subscription(self.month, self.cloudbox, customer=self.make_customer("Second"))
        self.drive(other, "2026-01-01", -1)
        run = self.bill("2026-01-01", may_fail=True)
        failed = run.line_ids.filtered(lambda line: line.outcome == "failed")
        self.assertEqual(failed.partner_id, other.partner_id, failed.mapped("message"))
        self.assertIn("A trip backwards", failed.message)
        self.assertEqual(self.get_lines().mapped("price_subtotal"), [30.0, 12.0])
