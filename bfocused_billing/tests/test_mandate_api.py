import json
from datetime import timedelta

from odoo import fields
from odoo.tests import HttpCase, new_test_user

from .mandate_common import MandateCase

REFUSED = "No direct-debit mandate. Ask Hotel Zonder to sign one."
GROUPS = "base.group_user,sales_team.group_sale_manager,bfocused_billing.group_billing_manager"


class TestMandateOverTheApi(HttpCase, MandateCase):
    """No API call reaches a running subscription without a valid mandate, and with one the same calls do."""

    def setUp(self):
        super().setUp()
        self.user = new_test_user(
            self.env(su=True),
            "integration",
            groups=GROUPS,
            company_id=self.company.id,
            company_ids=[(6, 0, self.company.ids)],
        )
        self.subscription = self.make_subscription(self.month, self.cloudbox, customer=self.newcomer, running=False)
        self.order = self.make_order(self.cloudbox)
        started = self.make_stage("in_progress").id
        self.calls = (
            (self.subscription, "action_start_subscription", {}),
            (self.subscription, "write", {"vals": {"stage_id": started}}),
            (self.subscription, "write", {"vals": {"in_progress": True}}),
            (self.order, "action_confirm", {}),
        )

    def post(self, path, data, **headers):
        headers["Content-Type"] = "application/json"
        return self.url_open(path, data=json.dumps(data), headers=headers)

    def call_json_rpc(self, record, method, values):
        params = {"model": record._name, "method": method, "args": [record.ids], "kwargs": values}
        answer = self.post(f"/web/dataset/call_kw/{record._name}/{method}", {"jsonrpc": "2.0", "params": params}).json()
        return str(answer.get("error", ""))

    def call_json_2(self, record, method, values):
        answer = self.post(
            f"/json/2/{record._name}/{method}", {"ids": record.ids, **values}, Authorization=f"Bearer {self.key}"
        )
        return "" if answer.ok else answer.text

    def assert_refused_until_there_is_a_mandate(self, call):
        for record, method, values in self.calls:
            with self.subTest(method=method, values=values):
                self.assertIn(REFUSED, call(record, method, values))
                self.env.invalidate_all()
                self.assertFalse(self.env["sale.subscription"].search(self.get_running()))
                self.assertEqual(self.order.state, "draft")
        self.make_mandate(self.newcomer)
        for record, method, values in (self.calls[0], self.calls[-1]):
            self.assertFalse(call(record, method, values))
        self.env.invalidate_all()
        self.assertEqual(
            self.env["sale.subscription"].search(self.get_running()), self.subscription | self.order.subscription_ids
        )

    def get_running(self):
        return [
            ("partner_id", "=", self.newcomer.id),
            "|",
            ("in_progress", "=", True),
            ("stage_id.type", "=", "in_progress"),
        ]

    def test_by_the_json_rpc_of_the_web_client(self):
        self.authenticate("integration", "integration")
        self.assert_refused_until_there_is_a_mandate(self.call_json_rpc)

    def test_by_json_2_with_an_api_key(self):
        keys = self.env["res.users.apikeys"].with_user(self.user)
        self.key = keys._generate("rpc", "test", fields.Datetime.now() + timedelta(hours=1))
        self.assert_refused_until_there_is_a_mandate(self.call_json_2)
