from unittest.mock import patch
from urllib.parse import urlsplit

import requests

from odoo import Command
from odoo.tests import TransactionCase, new_test_user

from tests.payt_sandbox import running_sandbox

from ..payt_api.throttle import ReservedThrottle

# before any test patches it
really_send = requests.Session.send


class SandboxMixin:
    """A PAYT of its own for each test, over real HTTP, and a connection to it.

    At the end of each test the sandbox fails it if a request broke PAYT's contract.
    """

    backend_values = {"auth_method": "static"}

    def setUp(self):
        super().setUp()
        self.sandbox = self.enterContext(running_sandbox(**self.get_sandbox_settings()))
        # slots are taken as always, but nobody waits for theirs: this PAYT takes all that comes
        self.enterContext(patch.object(ReservedThrottle, "wait", lambda throttle: throttle._reserve()))
        secrets = {
            "static": {"access_token": self.sandbox.token},
            "client_credentials": {"client_id": "sandbox-client", "client_secret": "sandbox-client-secret"},
            "refresh_token": {"client_id": "sandbox-client", "client_secret": "sandbox-client-secret"},
        }
        method = self.backend_values["auth_method"]
        self.backend = self.env["payt.backend"].create(
            {
                "company_id": self.company.id,
                "environment": "other",
                "base_url": self.sandbox.url,
                "administration_id": self.sandbox.administration_id,
                **secrets[method],
                **self.backend_values,
            }
        )

    def get_sandbox_settings(self):
        return {"requests_per_second": 100_000}

    @classmethod
    def _request_handler(cls, s, r, /, **kw):
        """Odoo blocks requests to the outside in tests; the sandbox is on this machine.

        Odoo's own handler lets them through too, but compares the time-out with a number, and ours is a pair.
        """
        if urlsplit(r.url).hostname == "127.0.0.1":
            return really_send(s, r, **kw)
        return super()._request_handler(s, r, **kw)


class PaytCase(SandboxMixin, TransactionCase):
    """Own cursors of the code under test see what the test did, and the other way round."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company = cls.env["res.company"].create(
            {"name": "Sandbox Company", "currency_id": cls.env.ref("base.EUR").id}
        )
        cls.env.user.write({"company_ids": [Command.link(cls.company.id)], "company_id": cls.company.id})
        cls.env = cls.env(context=dict(cls.env.context, allowed_company_ids=cls.company.ids))
        cls.biller = new_test_user(
            cls.env,
            "payt_biller",
            "bfocused_billing.group_billing_user",
            company_id=cls.company.id,
            company_ids=[Command.set(cls.company.ids)],
        )
        elsewhere = cls.env["res.company"].create({"name": "Elsewhere"})
        cls.outsider = new_test_user(
            cls.env,
            "payt_outsider",
            "bfocused_billing.group_billing_user",
            company_id=elsewhere.id,
            company_ids=[Command.set(elsewhere.ids)],
        )

    def setUp(self):
        super().setUp()
        self.env.flush_all()
        self.registry_enter_test_mode()
        # no pause is worth waiting for
        self.patch_sleep = patch("odoo.addons.bfocused_payt_connector.models.connection.payt_token.PAUSES", (0, 0, 0))
        self.patch_sleep.start()
        self.addCleanup(self.patch_sleep.stop)
