from freezegun import freeze_time

from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user

from .collection_common import CollectionCase
from .reversal_common import CAMT, PAIN, ReversalCase


class TestAskedAfterReversal(ReversalCase):
    """A customer whose mandate is stopped gets a link to the form, where the company can send one."""

    def setUp(self):
        super().setUp()
        self.company.write({"street": "Kade 1", "zip": "3511 AA", "city": "Utrecht"})

    def get_requests(self, code):
        domain = [("partner_id", "=", self.moves[code].partner_id.id), ("state", "=", "open")]
        return self.env["bfocused.mandate.request"].search(domain)

    def test_the_codes_that_stop_a_mandate_mail_the_customer_one_link(self):
        mails = self.env["mail.mail"].sudo().search([])
        self.reverse(CAMT, PAIN)
        links = (self.env["mail.mail"].sudo().search([]) - mails).filtered(
            lambda mail: "/mandate/" in (mail.body_html or "")
        )
        self.assertEqual(len(links), 4)
        for code in ("MD01", "AC01", "AC04", "AC13"):
            request = self.get_requests(code)
            self.assertEqual(len(request), 1, code)
            self.assertTrue(request._has_working_link(), code)
            self.assertTrue(request.message_ids.filtered(lambda message, code=code: code in str(message.body)), code)
            self.assertFalse(self.moves[code].partner_id.activity_ids, code)

    def test_a_consumer_s_account_is_asked_for_a_core_mandate(self):
        self.reverse(PAIN)
        self.assertEqual(self.moves["AC13"].mandate_id.scheme, "B2B")
        self.assertEqual(self.get_requests("AC13").scheme, "CORE")
        self.assertEqual(self.get_requests("AC01").scheme, self.moves["AC01"].mandate_id.scheme)

    def test_nobody_else_is_asked(self):
        self.reverse(CAMT, PAIN)
        for code in self.moves.keys() - {"MD01", "AC01", "AC04", "AC13"}:
            self.assertFalse(self.get_requests(code), code)

    def test_a_policy_that_stops_without_asking_asks_nobody(self):
        self.env.ref("bfocused_billing.payment_return_policy_md01").request_reason = False
        self.reverse(CAMT)
        partner = self.moves["MD01"].partner_id
        self.assertEqual(self.moves["MD01"].mandate_id.state, "cancel")
        self.assertTrue(partner._needs_mandate(self.company), "who would be asked, were the mandate cancelled by hand")
        self.assertFalse(self.get_requests("MD01"))
        self.assertFalse(partner.activity_ids)


@freeze_time("2026-03-02 10:00:00")
class TestAsked(CollectionCase):
    """The other ways by which a customer is asked for a mandate."""

    def setUp(self):
        super().setUp()
        self.company.write({"street": "Kade 1", "zip": "3511 AA", "city": "Utrecht"})
        self.customer.email = "customer@example.com"

    def get_request(self):
        domain = [("partner_id", "=", self.customer.id), ("company_id", "=", self.company.id)]
        return self.env["bfocused.mandate.request"].search(domain)

    def make_user(self, login, groups):
        company = {"company_id": self.company.id, "company_ids": [(6, 0, self.company.ids)]}
        return new_test_user(self.env(su=True), login, groups=groups, **company)

    def test_a_mandate_that_expires_while_it_is_needed_mails_the_customer_a_link(self):
        self.make_subscription(self.month, self.cloudbox)
        mandate = self.customer.bank_ids.mandate_ids
        mandate.write({"signature_date": "2023-03-02", "last_debit_date": False})
        mandate._expire_or_warn()
        self.assertEqual(mandate.state, "expired")
        self.assertTrue(self.get_request()._has_working_link())
        self.assertFalse(self.customer.activity_ids)

    def test_the_button_on_the_customer_mails_a_link(self):
        user = self.make_user("biller", "bfocused_billing.group_billing_user")
        partners = self.env["res.partner"].with_user(user).with_company(self.company)
        self.assertIn('name="action_send_mandate_request"', partners.get_view(view_type="form")["arch"])
        action = partners.browse(self.customer.id).action_send_mandate_request()
        self.assertIn("customer@example.com", action["params"]["message"])
        self.assertTrue(self.get_request()._has_working_link())

    def test_the_button_is_for_those_who_see_requests(self):
        user = self.make_user("employee", "base.group_user")
        partners = self.env["res.partner"].with_user(user).with_company(self.company)
        self.assertNotIn('name="action_send_mandate_request"', partners.get_view(view_type="form")["arch"])
        with self.assertRaises(AccessError):
            partners.browse(self.customer.id).action_send_mandate_request()

    def test_a_company_without_billing_asks_nobody(self):
        self.company.use_billing = False
        with self.assertRaisesRegex(UserError, "Switch on"):
            self.customer.with_company(self.company).action_send_mandate_request()
