import json
import re

from odoo.tests import HttpCase, new_test_user

from .mandate_common import IBAN, SIGNATURE, MandateCase

DETAILS = {
    "account_holder": "Hotel Zonder B.V.",
    "signatory": "Jan Jansen",
    "signatory_role": "Directeur",
    "place": "Arnhem",
}
PDF = b"%PDF-1.4 signed"


class MandatePortalCase(HttpCase, MandateCase):
    """Browsers that open the form over HTTP; without the rendering of the document."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.requests = cls.env["bfocused.mandate.request"]
        # the public pages are those of the website's company
        cls.env.ref("base.public_user").sudo().write(
            {"company_ids": [(4, cls.company.id)], "company_id": cls.company.id}
        )

    def setUp(self):
        super().setUp()
        self.request_made = self.requests._get_or_create_for(self.newcomer, self.company)
        self.token = self.request_made._renew_token()
        self.patch(self.env.registry["bfocused.mandate.request"], "_render_form", lambda *args: PDF)

    def get(self, path):
        return self.url_open(path, allow_redirects=False)

    def post_details(self, key, **values):
        page = self.url_open(f"/mandate/{key}").text
        csrf = page.split('name="csrf_token" value="')[1].split('"')[0] if "csrf_token" in page else ""
        data = {"csrf_token": csrf, **DETAILS, "iban": IBAN, **values}
        return self.url_open(f"/mandate/{key}", data=data, allow_redirects=False)

    def call(self, path, **params):
        answer = self.url_open(
            path,
            data=json.dumps({"jsonrpc": "2.0", "method": "call", "params": params}),
            headers={"Content-Type": "application/json"},
        )
        return answer.json().get("result", answer.json())

    def read_form(self, key):
        """Read the page to sign, and get where its signature goes to."""
        return self.find_accept(self.url_open(f"/mandate/{key}/sign").text, key)

    def find_accept(self, page, key):
        digest = re.search(r"/accept/([0-9a-f]{64})", page)
        return f"/mandate/{key}/accept/{digest[1] if digest else 'unseen'}"

    def sign(self, key, path=None, **params):
        return self.call(path or self.read_form(key), **{"name": "Jan Jansen", "signature": SIGNATURE, **params})

    def assert_closed(self, path):
        answer = self.get(path)
        self.assertEqual(answer.status_code, 404)
        self.assertNotIn(self.request_made.reference, answer.text)
        self.assertNotIn("Hotel Zonder", answer.text)

    def make_portal_user(self, login, customer):
        contact = self.env["res.partner"].create(
            {"name": login, "parent_id": customer.id, "email": f"{login}@x.example"}
        )
        return new_test_user(
            self.env(su=True),
            login,
            groups="base.group_portal",
            partner_id=contact.id,
            company_id=self.company.id,
            company_ids=[(6, 0, self.company.ids)],
        )
