import base64

from odoo import Command

from .common import BillingCase

HEADER = "number,dialled,started_at,seconds,amount,destination,call_id\n"


class UsageCase(BillingCase):
    """A customer with a number, a tariff, and a profile for files with a header."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.calls_product = cls.make_product("Gesprekskosten", "call_costs", 0.0, subscribable=False)
        cls.company.usage_product_id = cls.calls_product
        cls.national = cls.env.ref("bfocused_billing.usage_destination_national")
        cls.mobile = cls.env.ref("bfocused_billing.usage_destination_mobile")
        cls.tariff = cls.env["bfocused.usage.tariff"].create(
            {
                "name": "Business",
                "company_id": cls.company.id,
                "rate_ids": [
                    Command.create({"prefix": "0", "destination_id": cls.national.id, "price_minute": 0.03}),
                    Command.create(
                        {
                            "prefix": "06",
                            "destination_id": cls.mobile.id,
                            "price_minute": 0.12,
                            "connection_fee": 0.05,
                            "minimum_seconds": 30,
                            "step_seconds": 60,
                        }
                    ),
                ],
            }
        )
        cls.profile = cls.env.ref("bfocused_billing.usage_profile_generic")
        cls.number = cls.make_number("020-1234567", cls.customer)

    @classmethod
    def make_number(cls, name, customer, **values):
        return cls.env["bfocused.usage.number"].create(
            {"name": name, "partner_id": customer.id, "company_id": cls.company.id, **values}
        )

    @classmethod
    def calls(cls, count, number="0201234567", month="2026-01"):
        """A file with a mobile call of a minute on each day from the fifth."""
        return HEADER + "".join(
            f"{number},0612345678,{month}-{5 + index:02} 10:00:00,60,0.12,mobile,{number}-{month}-{index}\n"
            for index in range(count)
        )

    @classmethod
    def load(cls, content, profile=None, wizard=None, again=False):
        content = content.encode() if isinstance(content, str) else content
        wizard = cls.env["bfocused.usage.import"].with_company(cls.company) if wizard is None else wizard
        wizard = wizard.create(
            {
                "profile_id": (profile or cls.profile).id,
                "file": base64.b64encode(content),
                "filename": "calls.csv",
                "import_again": again,
            }
        )
        return wizard.env["bfocused.usage.file"].browse(wizard.action_import()["res_id"]).with_env(cls.env)

    @classmethod
    def get_charges(cls):
        return cls.env["bfocused.billing.charge"].search(
            [("kind", "=", "usage"), ("company_id", "=", cls.company.id), ("usage_calls", ">", 0)], order="id"
        )

    def assert_counts(self, file, rows=0, new=0, duplicate=0, skipped=0, refused=0):
        self.assertRecordValues(
            file,
            [
                {
                    "row_count": rows,
                    "new_count": new,
                    "duplicate_count": duplicate,
                    "skipped_count": skipped,
                    "refused_count": refused,
                }
            ],
        )
