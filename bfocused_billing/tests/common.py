import os
from datetime import date

from odoo import SUPERUSER_ID, Command, api
from odoo.modules.registry import Registry
from odoo.tests import tagged
from odoo.tests.common import get_db_name

from odoo.addons.account.tests.common import AccountTestInvoicingCommon

READY_COMPANY = "company_1_data"  # as Odoo's own test set-up calls it


def day(text):
    return date.fromisoformat(text)


@tagged("post_install", "-at_install")
class BillingCase(AccountTestInvoicingCommon):
    """A Dutch company that uses the billing, with a product per cycle and makers for the rest."""

    rows_of_statistics = 50  # fewer rows need none; see keep_statistics

    @classmethod
    @AccountTestInvoicingCommon.setup_country("nl")
    def setUpClass(cls):
        cls.ensure_ready_company()
        super().setUpClass()
        cls.env["res.lang"]._activate_lang("nl_NL")
        cls.company = cls.company_data["company"]
        cls.company.use_billing = True
        cls.env.user.group_ids += cls.env.ref("bfocused_billing.group_billing_manager")
        cls.month = cls.env.ref("bfocused_billing.cycle_month")
        cls.quarter = cls.env.ref("bfocused_billing.cycle_quarter")
        cls.year = cls.env.ref("bfocused_billing.cycle_year")
        cls.cloudbox = cls.make_product("Cloudbox", "cloudbox", 30.0)
        cls.internet = cls.make_product("Internet", "connectivity", 40.0, billing_price_cycle="month")
        cls.domain = cls.make_product("Domain", "domains", 15.0)
        cls.router = cls.env["product.product"].create(
            {"name": "Router", "list_price": 99.0, "type": "consu", "invoice_policy": "order"}
        )
        cls.customer = cls.make_customer("Bakkerij Jansen")

    @classmethod
    def ensure_ready_company(cls):
        """In a database that ``bin/test`` made for its tests alone, keep the company with its chart of accounts for
        the classes after this one: making it takes longer than all else of the set-up."""
        if os.environ.get("BFOCUSED_TEST_DB") != get_db_name():
            return
        with Registry(get_db_name()).cursor() as cr:
            cls.env = api.Environment(cr, SUPERUSER_ID, cls.default_env_context())
            if cls.find_ready_company():
                return
            theirs = cls.env.user.company_ids
            cls._create_company(name=READY_COMPANY)
            cls.env.user.company_ids = theirs
            cls.env.flush_all()
            cr.execute("ANALYZE")  # PostgreSQL does that by itself, but not before the first tests
        cls.env.registry.clear_all_caches()

    @classmethod
    def find_ready_company(cls):
        return cls.env["res.company"].search([("name", "=", READY_COMPANY)])

    @classmethod
    def setup_independent_company(cls, **kwargs):
        company = None if kwargs else cls.find_ready_company()
        if not company:
            return super().setup_independent_company(**kwargs)
        cls.env.user.company_ids = [Command.link(company.id)]
        return company

    @classmethod
    def keep_statistics(cls):
        """Let PostgreSQL know of what the test's transaction wrote, once that has doubled.

        It does so by itself for what is committed. Without, its plans are for empty tables: Odoo's query for the
        invoices of payments then takes minutes.
        """
        cls.env.flush_all()
        cls.env.cr.execute("SELECT count(*) FROM account_move_line")
        [rows] = cls.env.cr.fetchone()
        if rows >= 2 * cls.rows_of_statistics:
            cls.env.cr.execute("ANALYZE")
            cls.rows_of_statistics = rows

    @classmethod
    def make_product(cls, name, group, price, **values):
        return cls.env["product.product"].create(
            {
                "name": name,
                "type": "service",
                "subscribable": True,
                "list_price": price,
                "categ_id": cls.env.ref(f"bfocused_billing.categ_{group}").id,
                "taxes_id": [Command.set(cls.company_data["default_tax_sale"].ids)],
                **values,
            }
        )

    @classmethod
    def make_customer(cls, name, with_mandate=True, **values):
        partner = cls.env["res.partner"].create(
            {"name": name, "is_company": True, "country_id": cls.env.ref("base.nl").id, "lang": "nl_NL", **values}
        )
        if with_mandate:
            cls.make_mandate(partner)
        return partner

    @classmethod
    def make_mandate(cls, partner, **values):
        account = (
            cls.env["res.partner.bank"]
            .sudo()
            .create({"partner_id": partner.id, "acc_number": f"NL-{partner.id}-{len(partner.bank_ids)}"})
        )
        return cls.env["account.banking.mandate"].create(
            {
                "partner_bank_id": account.id,
                "company_id": cls.company.id,
                "signature_date": "2025-06-01",
                "recurrent_sequence_type": "recurring",
                "state": "valid",
                **values,
            }
        )

    @classmethod
    def make_subscription(cls, template, *products, customer=None, start="2026-01-01", running=True, **values):
        subscription = cls.env["sale.subscription"].create(
            {
                "company_id": cls.company.id,
                "partner_id": (customer or cls.customer).id,
                "template_id": template.id,
                "pricelist_id": cls.company._ensure_billing_pricelist(cls.company.currency_id).id,
                "date_start": start,
                "sale_subscription_line_ids": [Command.create({"product_id": product.id}) for product in products],
                **values,
            }
        )
        if running:
            subscription._start_or_wait()
        return subscription

    @classmethod
    def make_transfer_mode(cls):
        method = cls.env["account.payment.method"].search(
            [("payment_type", "=", "inbound"), ("mandate_required", "=", False)], limit=1
        )
        return cls.env["account.payment.mode"].create(
            {
                "name": "Transfer",
                "company_id": cls.company.id,
                "payment_method_id": method.id,
                "bank_account_link": "variable",
            }
        )

    @classmethod
    def make_run(cls, text):
        return cls.env["bfocused.billing.run"].create({"company_id": cls.company.id, "date": text})

    @classmethod
    def bill(cls, text, may_fail=False):
        run = cls.make_run(text)
        run.action_run()
        failed = run.line_ids.filtered(lambda line: line.outcome == "failed")
        if failed and not may_fail:
            raise AssertionError(failed.mapped("message"))
        return run

    @classmethod
    def get_invoices(cls, customer=None):
        return cls.env["account.move"].search(
            [("commercial_partner_id", "=", (customer or cls.customer).id), ("move_type", "=", "out_invoice")],
            order="id",
        )

    @classmethod
    def get_periods(cls, moves):
        return [
            (str(line.start_date), str(line.end_date))
            for line in moves.invoice_line_ids.sorted(lambda line: (line.start_date, line.id))
        ]
