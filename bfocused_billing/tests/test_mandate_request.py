from base64 import b64decode, b64encode
from datetime import timedelta

from freezegun import freeze_time

from odoo import fields
from odoo.exceptions import AccessError, UserError, ValidationError

from ..mandate_text import TEXT_VERSION
from .common import day
from .mandate_common import DETAILS, EVIDENCE, IBAN, OTHER_IBAN, PDF, SIGNATURE, RequestCase


class TestSigning(RequestCase):
    """What is signed, kept and made of it."""

    def test_a_signature_makes_a_valid_mandate_and_keeps_the_proof(self):
        request = self.make_request()
        with freeze_time("2026-03-04 10:11:12"):
            mandate = self.sign(request)
        self.assertRecordValues(
            mandate,
            [
                {
                    "state": "valid",
                    "unique_mandate_reference": request.reference,
                    "partner_id": self.newcomer.id,
                    "company_id": self.company.id,
                    "signature_date": day("2026-03-04"),
                    "scheme": "CORE",
                    "format": "sepa",
                    "type": "recurrent",
                    "recurrent_sequence_type": "recurring",
                    "request_id": request.id,
                }
            ],
        )
        self.assertRecordValues(
            request,
            [
                {
                    "state": "done",
                    "signed_ip": "192.0.2.7",
                    "signed_user_agent": "Test browser",
                    "text_version": TEXT_VERSION,
                    "token_hash": False,
                    "iban": "NL91 ABNA 0417 1643 00",
                    "bic": "ABNANL2A",
                }
            ],
        )
        self.assertEqual(str(request.signed_at), "2026-03-04 10:11:12")
        self.assertEqual(b64decode(request.pdf), PDF)
        self.assertIn("Creditor Test B.V.", request.mandate_text)
        self.assertEqual(mandate.partner_bank_id.acc_holder_name, "Hotel Zonder B.V.")
        self.assertEqual(mandate.partner_bank_id.bank_id.bic, "ABNANL2A")
        self.assertFalse(self.newcomer._get_mandate_problem(self.company, mandate))

    def test_after_midnight_here_the_day_of_signing_is_not_in_the_future(self):
        request = self.make_request()
        with freeze_time("2026-03-04 23:30:00"):
            mandate = self.sign(request)
        self.assertEqual(mandate.signature_date, day("2026-03-05"))

    def test_it_is_mailed_to_the_customer_with_the_document(self):
        request = self.make_request()
        mails = self.env["mail.mail"].search([])
        self.sign(request)
        mail = self.env["mail.mail"].search([]) - mails
        self.assertEqual(self.get_recipient(mail), "hotel@zonder.example")
        self.assertEqual(mail.attachment_ids.raw, PDF)
        self.assertEqual(mail.attachment_ids.name, f"{request.reference}.pdf")

    def test_with_the_setting_it_is_valid_after_a_check_by_staff(self):
        self.company.mandate_staff_check = True
        request = self.make_request()
        mandate = self.sign(request)
        self.assertEqual((mandate.state, request.state), ("draft", "signed"))
        self.assertTrue(mandate.activity_ids)
        mandate.validate()
        self.assertEqual((mandate.state, request.state), ("valid", "done"))
        self.assertFalse(mandate.activity_ids)

    def test_the_quotation_is_confirmed_and_its_subscription_runs(self):
        order = self.make_order(self.cloudbox)
        order.write({"signed_by": "Jan", "signature": SIGNATURE})
        order._validate_order()
        self.sign(self.make_request(order_id=order.id))
        self.assertEqual(order.state, "sale")
        self.assertTrue(order.subscription_ids.in_progress)

    def test_it_can_not_be_signed_twice(self):
        request = self.make_request()
        self.sign(request)
        with self.assertRaisesRegex(UserError, "can't be signed any more"):
            request._sign(SIGNATURE, EVIDENCE, request._get_shown_digest())

    def test_it_can_not_be_signed_without_the_details(self):
        with self.assertRaisesRegex(UserError, "can't be signed any more"):
            self.make_request()._sign(SIGNATURE, EVIDENCE, "")

    def test_what_is_no_sensible_signature_is_refused(self):
        request = self.make_request()
        request._set_details(DETAILS)
        huge = b64encode(b"\x89PNG" + b"0" * 600_000).decode()
        script = b64encode(b"<svg onload='alert(1)'/>").decode()
        for signature, words in (
            (False, "Draw or type"),
            ("", "Draw or type"),
            (huge, "too large"),
            (script, "can't be read"),
            ("not base64!", "can't be read"),
            ({"a": 1}, "can't be read"),
        ):
            with self.subTest(words), self.assertRaisesRegex(UserError, words):
                request._sign(signature, EVIDENCE, request._get_shown_digest())
        self.assertEqual(request.state, "open")
        self.assertFalse(request.mandate_id)

    def test_the_details_are_checked_with_a_sentence_for_the_customer(self):
        request = self.make_request()
        for changed, words in (
            ({"iban": "NL92ABNA0417164300"}, "typing error"),
            ({"iban": "12345"}, "typing error"),
            ({"iban": ""}, "typing error"),
            ({"iban": "BR1500000000000010932840814P2"}, "outside the SEPA area"),
            ({"account_holder": " "}, "Fill in all fields"),
            ({"place": "x" * 36}, "At most 35 characters"),
        ):
            with self.subTest(words), self.assertRaisesRegex(UserError, words):
                request._set_details({**DETAILS, **changed})
        request._set_details({**DETAILS, "iban": "be68 5390 0754 7034"})
        self.assertEqual(request.iban, "BE68 5390 0754 7034")

    def test_the_countries_are_a_setting(self):
        self.company.mandate_country_group_id = self.env["res.country.group"].create(
            {"name": "Benelux", "country_ids": [(6, 0, self.env.ref("base.nl").ids)]}
        )
        with self.assertRaisesRegex(UserError, "outside the SEPA area"):
            self.make_request()._read_iban("BE68539007547034")

    def test_the_text_is_that_of_the_scheme_and_the_language(self):
        request = self.make_request()
        self.assertIn("binnen 8 weken", request._get_text())
        self.assertIn("14 kalenderdagen", request._get_text())
        self.assertEqual(request._get_title(), "Doorlopende machtiging SEPA")
        english = self.make_request(self.make_customer("Ltd", with_mandate=False, lang="en_US"), scheme="B2B")
        self.assertIn("not entitled to a refund", english._get_text())

    def test_a_signed_b2b_mandate_is_usable_once_registered_at_the_bank(self):
        self.company.mandate_scheme = "B2B"
        mandate = self.sign(self.make_request())
        problem = self.newcomer._get_mandate_problem(self.company, mandate)
        self.assertIn("isn't registered at the customer's bank", problem)
        mandate.b2b_registered_date = "2026-01-01"
        self.assertFalse(self.newcomer._get_mandate_problem(self.company, mandate))

    def test_an_archived_account_the_customer_signs_for_is_used_again(self):
        account = self.env["res.partner.bank"].create({"partner_id": self.newcomer.id, "acc_number": IBAN})
        account.active = False
        mandate = self.sign(self.make_request())
        self.assertEqual(mandate.partner_bank_id, account)
        self.assertFalse(mandate._get_mandate_problem())

    def test_the_document_is_one_page_with_the_names_escaped(self):
        request = self.make_request()
        request._set_details({**DETAILS, "signatory": "<script>alert(1)</script>"})
        html = str(request._render_html(request._prepare_form()))
        self.assertNotIn("<script>", html)
        self.assertIn("&lt;script&gt;alert(1)&lt;/script&gt;", html)
        self.assertIn("Doorlopende machtiging SEPA", html)
        self.assertIn("NL69ZZZ123456780000", html)
        self.assertIn(request.reference, html)

    def test_a_dutch_document_is_dutch_whoever_prints_it(self):
        self.env.ref("base.nl").with_context(lang="nl_NL").name = "Nederland"
        self.company.country_id = self.env.ref("base.nl")
        html = str(self.make_request()._render_html(self.make_request()._prepare_form()))
        self.assertEqual(html.count("Nederland<"), 2)


class TestReplacing(RequestCase):
    """A new IBAN makes a new mandate that replaces the old, with what SEPA wants to know of it."""

    def test_the_new_mandate_replaces_the_old(self):
        old = self.sign(self.make_request())
        old.last_debit_date = old.signature_date
        subscription = self.make_subscription(self.month, self.cloudbox, customer=self.newcomer, mandate_id=old.id)
        new = self.sign(self.make_request(), iban=OTHER_IBAN)
        self.assertEqual((old.state, new.state), ("cancel", "valid"))
        self.assertRecordValues(
            new,
            [
                {
                    "replaced_mandate_id": old.id,
                    "original_mandate_reference": old.unique_mandate_reference,
                    "original_debtor_account": "NL91 ABNA 0417 1643 00",
                }
            ],
        )
        self.assertEqual(subscription.mandate_id, new)
        self.assertFalse(subscription.mandate_problem)

    def test_the_same_account_leaves_no_original_account(self):
        old = self.sign(self.make_request())
        old.last_debit_date = old.signature_date
        new = self.sign(self.make_request())
        self.assertEqual(new.original_mandate_reference, old.unique_mandate_reference)
        self.assertFalse(new.original_debtor_account)

    def test_the_old_one_stays_until_the_new_one_can_be_used(self):
        old = self.sign(self.make_request())
        self.company.mandate_staff_check = True
        new = self.sign(self.make_request(), iban=OTHER_IBAN)
        self.assertEqual((old.state, new.state), ("valid", "draft"))
        new.validate()
        self.assertEqual((old.state, new.state), ("cancel", "valid"))

    def test_a_b2b_one_takes_over_when_it_is_registered_at_the_bank(self):
        old = self.sign(self.make_request())
        new = self.sign(self.make_request(scheme="B2B"), iban=OTHER_IBAN)
        self.assertEqual((old.state, new.state), ("valid", "valid"))
        self.assertEqual(self.newcomer._get_billing_mandate(self.company), old)
        new.b2b_registered_date = "2026-01-01"
        self.assertEqual((old.state, new.replaced_mandate_id), ("cancel", old))

    def test_what_was_tied_to_a_stopped_mandate_goes_on_with_the_new_one(self):
        for state in ("cancel", "expired"):
            old = self.sign(self.make_request())
            tied = self.make_subscription(self.month, self.cloudbox, customer=self.newcomer, mandate_id=old.id)
            ended = self.make_subscription(self.month, self.cloudbox, customer=self.newcomer, mandate_id=old.id)
            ended.close_subscription()
            other = self.customer._get_billing_mandate(self.company)
            foreign = self.make_subscription(self.month, self.cloudbox, mandate_id=other.id)
            (old + other).state = state
            self.assertTrue(tied.mandate_problem)
            new = self.sign(self.make_request(), iban=OTHER_IBAN)
            self.assertEqual((tied.mandate_id, ended.mandate_id, foreign.mandate_id), (new, old, other))
            self.assertFalse(tied.mandate_problem)
            other.state = "valid"

    def test_a_cancelled_mandate_asks_the_customer_for_a_new_one_once(self):
        mandate = self.sign(self.make_request())
        self.make_subscription(self.month, self.cloudbox, customer=self.newcomer)
        mails = self.env["mail.mail"].search([])
        mandate.cancel()
        mail = self.env["mail.mail"].search([]) - mails
        self.assertEqual(self.get_recipient(mail), "hotel@zonder.example")
        request = self.requests.search([("partner_id", "=", self.newcomer.id), ("state", "=", "open")])
        self.newcomer.with_company(self.company)._request_new_mandate("Again.")
        self.assertEqual(self.env["mail.mail"].search([]) - mails, mail)
        self.assertTrue(request.sent_at)
        request.sudo().expires_at = fields.Datetime.now() - timedelta(minutes=1)
        self.newcomer.with_company(self.company)._request_new_mandate("Expired.")
        self.assertEqual(len(self.env["mail.mail"].search([]) - mails), 2, "a link that works no longer is replaced")

    def test_without_address_or_with_the_setting_off_a_person_is_told(self):
        for customer in (self.newcomer, self.make_customer("Without address", with_mandate=False)):
            mandate = self.make_mandate(customer)
            self.make_subscription(self.month, self.cloudbox, customer=customer)
            self.company.mandate_auto_request = customer != self.newcomer
            mandate.cancel()
            self.assertTrue(customer.activity_ids, customer.name)

    def test_a_customer_without_subscriptions_is_not_asked(self):
        mandate = self.sign(self.make_request())
        mandate.cancel()
        self.assertFalse(self.requests.search([("partner_id", "=", self.newcomer.id), ("state", "=", "open")]))


class TestRequest(RequestCase):
    """Asking a customer, by mail or on paper."""

    def get_link(self, mail):
        body = mail.body_html or mail.body
        start = body.index("/mandate/") + len("/mandate/")
        return body[start:].split('"')[0]

    def send(self, request):
        mails = self.env["mail.mail"].search([])
        request.action_send()
        return self.get_link(self.env["mail.mail"].search([]) - mails)

    def test_a_user_who_may_only_read_requests_sends_one_again(self):
        request = self.make_request()
        request.with_user(self.make_user("sender", "bfocused_billing.group_billing_user")).action_send()
        self.assertTrue(request.sent_at)

    def test_the_link_is_stored_as_a_hash_and_nowhere_else(self):
        request = self.make_request()
        token = self.send(request)
        self.assertGreaterEqual(len(token), 40)
        self.assertEqual(request.token_hash, self.requests._hash_token(token))
        self.assertNotIn(token, str(request.read()))
        self.assertFalse(request.message_ids.filtered(lambda message: token in (message.body or "")))
        self.assertEqual(self.requests._find_by_token(token), request)

    def test_a_link_expires_after_the_days_of_the_setting(self):
        self.company.mandate_request_days = 3
        with freeze_time("2026-03-01 12:00:00"):
            token = self.send(self.make_request())
        with freeze_time("2026-03-04 11:59:00"):
            self.assertTrue(self.requests._find_by_token(token))
        with freeze_time("2026-03-04 12:01:00"):
            self.assertFalse(self.requests._find_by_token(token))

    def test_only_the_last_link_works_and_none_after_signing_or_cancelling(self):
        request = self.make_request()
        first, second = self.send(request), self.send(request)
        self.assertFalse(self.requests._find_by_token(first))
        self.assertEqual(self.requests._find_by_token(second), request)
        request.action_cancel()
        self.assertFalse(self.requests._find_by_token(second))
        other = self.make_request()
        third = self.send(other)
        self.sign(other)
        self.assertFalse(self.requests._find_by_token(third))
        self.assertFalse(self.requests._find_by_token(""))
        self.assertFalse(self.requests._find_by_token(False))

    def test_the_buttons_of_order_and_subscription_send_it(self):
        order = self.make_order(self.cloudbox)
        self.assertEqual(order.action_send_mandate_request()["params"]["type"], "success")
        request = self.requests.search([("partner_id", "=", self.newcomer.id)])
        self.assertEqual(request.order_id, order)
        subscription = self.make_subscription(self.month, self.cloudbox, customer=self.newcomer, running=False)
        subscription.action_send_mandate_request()
        self.assertEqual(self.requests.search([("partner_id", "=", self.newcomer.id)]), request, "one open request")
        self.assertEqual(order.action_register_paper_form()["context"]["default_partner_id"], self.newcomer.id)

    def test_a_salesperson_sends_it_but_registers_no_paper(self):
        user = self.make_user("seller", "sales_team.group_sale_salesman_all_leads")
        order = self.make_order(self.cloudbox).with_user(user)
        order.action_send_mandate_request()
        with self.assertRaises(AccessError):
            self.make_paper().with_user(user).action_register()

    def test_it_says_what_is_missing(self):
        self.newcomer.email = False
        with self.assertRaisesRegex(UserError, "has no e-mail address"):
            self.make_request().action_send()
        self.newcomer.email = "a@b.example"
        self.company.sepa_creditor_identifier = False
        with self.assertRaisesRegex(UserError, "no valid SEPA creditor identifier"):
            self.make_request().action_send()

    def test_a_dutch_creditor_identifier_holds_the_company_s_own_kvk_number(self):
        with self.assertRaisesRegex(ValidationError, "holds KvK number 12345678, but"):
            self.company.company_registry = "87654321"
        with self.assertRaises(ValidationError):
            self.company.sepa_creditor_identifier = "NL68ZZZ123456780000"
        self.company.company_registry = False
        self.assertFalse(self.company._get_creditor_problem())

    def make_paper(self, **values):
        return self.env["bfocused.mandate.paper"].create(
            {
                **DETAILS,
                "partner_id": self.newcomer.id,
                "company_id": self.company.id,
                "signature_date": "2026-02-01",
                "scan": b64encode(PDF),
                **values,
            }
        )

    def test_a_scanned_form_makes_a_valid_mandate_with_its_proof(self):
        order = self.make_order(self.cloudbox)
        order.write({"signed_by": "Jan", "signature": SIGNATURE})
        order._validate_order()
        printed = self.make_request()
        self.make_paper().action_register()
        mandate = self.newcomer._get_billing_mandate(self.company)
        self.assertRecordValues(
            mandate,
            [
                {
                    "state": "valid",
                    "signature_date": day("2026-02-01"),
                    "request_id": printed.id,
                    "unique_mandate_reference": printed.reference,
                }
            ],
        )
        self.assertRecordValues(printed, [{"kind": "paper", "state": "done"}])
        self.assertEqual(printed.action_verify_proof()["params"]["type"], "success")
        self.assertEqual(order.state, "sale")

    def test_a_paper_form_with_a_reference_of_its_own(self):
        self.make_paper(reference="OLD-77", scheme="B2B", b2b_registered_date="2026-02-03").action_register()
        mandate = self.newcomer._get_billing_mandate(self.company)
        self.assertRecordValues(
            mandate,
            [{"unique_mandate_reference": "OLD-77", "scheme": "B2B", "b2b_registered_date": day("2026-02-03")}],
        )
        self.assertFalse(mandate._get_mandate_problem())

    def test_an_old_paper_form_lives_on_by_its_last_collection_elsewhere(self):
        order = self.make_order(self.cloudbox)
        order.write({"signed_by": "Jan", "signature": SIGNATURE})
        order._validate_order()
        with self.assertRaisesRegex(UserError, "This mandate expired on"), self.cr.savepoint():
            self.make_paper(signature_date="2019-05-01").action_register()
        debited = self.yesterday()
        self.make_paper(signature_date="2019-05-01", last_debit_date=debited).action_register()
        mandate = self.newcomer._get_billing_mandate(self.company)
        self.assertRecordValues(mandate, [{"state": "valid", "last_debit_date": debited}])
        self.assertFalse(mandate._get_mandate_problem())
        self.assertEqual(order.state, "sale")

    def test_a_wrong_paper_form_is_refused(self):
        for values, words in (
            ({"iban": "NL92ABNA0417164300"}, "typing error"),
            ({"scan": b64encode(b"<html><script>alert(1)</script></html>")}, "not a PDF"),
            ({"signature_date": "2099-01-01"}, "in the future"),
        ):
            with self.subTest(words), self.assertRaisesRegex(UserError, words), self.cr.savepoint():
                self.make_paper(**values).action_register()

    def test_tries_are_counted_per_address_for_a_while(self):
        self.company.write({"mandate_attempt_limit": 3, "mandate_attempt_minutes": 15})
        attempts = self.env["bfocused.mandate.attempt"]
        for number in range(3):
            self.assertFalse(attempts._get_wait("192.0.2.1", self.company), number)
            attempts._add("192.0.2.1")
        self.assertEqual(attempts._get_wait("192.0.2.1", self.company), 15)
        self.assertFalse(attempts._get_wait("192.0.2.2", self.company))
        self.cr.execute("UPDATE bfocused_mandate_attempt SET create_date = create_date - interval '16 minutes'")
        self.env.invalidate_all()
        self.assertFalse(attempts._get_wait("192.0.2.1", self.company))

    def test_one_connection_s_ipv6_addresses_count_as_one(self):
        key = self.env["bfocused.mandate.attempt"]._get_address_key
        self.assertEqual(key("2001:db8:1:2:3:4:5:6"), key("2001:db8:1:2::9"))
        self.assertNotEqual(key("2001:db8:1:2::9"), key("2001:db8:1:3::9"))
        self.assertEqual(key(None), key("nonsense"))
