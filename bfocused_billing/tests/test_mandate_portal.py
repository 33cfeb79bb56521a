import json
from datetime import timedelta

from odoo import fields
from odoo.tests import new_test_user

from .mandate_common import IBAN, OTHER_IBAN
from .mandate_portal_common import PDF, MandatePortalCase


class TestMandatePortal(MandatePortalCase):
    """The form over HTTP: who gets in, what is refused, and that nothing is lost."""

    # === the way through

    def test_from_the_link_to_the_signed_document(self):
        self.assertIn("Hotel Zonder", self.get(f"/mandate/{self.token}").text)
        answer = self.post_details(self.token)
        self.assertEqual(answer.status_code, 303)
        page = self.get(f"/mandate/{self.token}/sign")
        for text in (self.request_made.reference, "NL69ZZZ123456780000", "binnen 8 weken", "NL91 ABNA 0417 1643 00"):
            self.assertIn(text, page.text)
        self.assertEqual(page.headers["Referrer-Policy"], "no-referrer")
        answer = self.sign(self.token)
        self.assertTrue(answer["force_refresh"], answer)
        done = self.get(answer["redirect_url"])
        self.assertIn(self.request_made.reference, done.text)
        document = self.get(answer["redirect_url"].replace("/done", "/pdf"))
        self.assertEqual(document.content, PDF)
        self.assertRecordValues(self.request_made, [{"state": "done", "signed_ip": "127.0.0.1"}])
        self.assertIn("python-requests", self.request_made.signed_user_agent)
        self.assertEqual(self.request_made.mandate_id.state, "valid")

    def test_what_was_filled_in_is_there_again_when_the_customer_comes_back(self):
        self.post_details(self.token)
        self.opener.cookies.clear()
        page = self.get(f"/mandate/{self.token}").text
        self.assertIn("NL91 ABNA 0417 1643 00", page)
        self.assertIn("Directeur", page)

    def test_without_details_there_is_nothing_to_sign_yet(self):
        self.assertEqual(self.get(f"/mandate/{self.token}/sign").status_code, 303)
        self.assertIn("kan niet meer worden ondertekend", self.sign(self.token)["error"])
        self.assertEqual(self.request_made.state, "open")

    def test_a_wrong_iban_is_said_at_once_and_when_it_is_sent(self):
        path = f"/mandate/{self.token}/iban"
        self.assertIn("typefout", self.call(path, iban="NL92ABNA0417164300")["error"])
        self.assertEqual(self.call(path, iban="nl91abna0417164300")["iban"], "NL91 ABNA 0417 1643 00")
        self.assertEqual(self.call(path, iban=IBAN)["bic"], "ABNANL2A")
        answer = self.post_details(self.token, iban="NL92ABNA0417164300")
        self.assertIn("typefout", answer.text)
        self.assertIn("Hotel Zonder B.V.", answer.text, "what was filled in stays")
        self.assertFalse(self.request_made.iban)

    # === links

    def test_a_used_link_is_closed(self):
        self.post_details(self.token)
        self.sign(self.token)
        self.opener.cookies.clear()
        for page in ("", "/sign", "/done", "/pdf"):
            self.assert_closed(f"/mandate/{self.token}{page}")
        self.assertIn("can't be used", self.sign(self.token)["error"])
        self.assertEqual(len(self.newcomer.bank_ids.mandate_ids), 1)

    def test_the_document_is_for_the_session_that_signed_only(self):
        self.post_details(self.token)
        path = self.sign(self.token)["redirect_url"]
        self.assertEqual(self.get(path).status_code, 200)
        self.opener.cookies.clear()
        self.assert_closed(path)
        self.assert_closed(path.replace("/done", "/pdf"))

    def test_an_expired_link_is_closed(self):
        self.request_made.expires_at = fields.Datetime.now() - timedelta(minutes=1)
        self.assert_closed(f"/mandate/{self.token}")
        self.assertIn("can't be used", self.sign(self.token)["error"])

    def test_a_replaced_cancelled_or_made_up_link_is_closed(self):
        old, self.token = self.token, self.request_made._renew_token()
        for key in (old, "x" * 43, "request-0", "request--1", "request-999999999999999999999", "request-abc", "'"):
            with self.subTest(key):
                self.assert_closed(f"/mandate/{key}")
        self.request_made.action_cancel()
        self.assert_closed(f"/mandate/{self.token}")

    def test_a_request_is_not_reached_by_its_number_or_its_hash(self):
        for key in (f"request-{self.request_made.id}", self.request_made.sudo().token_hash):
            self.assert_closed(f"/mandate/{key}")
            self.assertIn("error", self.sign(key))
        self.assertEqual(self.request_made.state, "open")

    # === what is signed is what was read

    def test_what_was_changed_after_it_was_read_is_not_signed(self):
        for changed in (
            {"iban": "NL20 INGB 0001 2345 67"},
            {"scheme": "B2B"},
            {"account_holder": "Another"},
            {"signatory_role": "Another"},
            {"prenotification_days": 1},
            {"reference": "OTHER"},
            {"lang": "en_US"},
        ):
            with self.subTest(changed):
                self.post_details(self.token)
                path = self.read_form(self.token)
                self.request_made.write(changed)
                answer = self.sign(self.token, path)
                self.assertTrue(answer["error"])
                page = self.url_open(answer["redirect_url"]).text
                self.assertIn("o_mandate_error", page)
                self.assertNotEqual(self.find_accept(page, self.token), path)
                self.assertEqual(self.request_made.state, "open")
        self.assertTrue(self.sign(self.token).get("redirect_url"))
        self.assertEqual(self.request_made.state, "done")

    # === logged in

    def test_a_logged_in_customer_signs_without_link_and_sees_the_mandate(self):
        self.make_portal_user("hotel", self.newcomer)
        self.authenticate("hotel", "hotel")
        page = self.url_open("/my/mandates").text
        csrf = page.split('action="/my/mandates/new"')[1].split('value="')[1].split('"')[0]
        answer = self.url_open("/my/mandates/new", data={"csrf_token": csrf}, allow_redirects=False)
        key = answer.headers["Location"].rsplit("/", 1)[1]
        self.assertEqual(key, f"request-{self.request_made.id}")
        self.post_details(key)
        self.sign(key)
        self.assertIn(self.request_made.reference, self.url_open("/my/mandates").text)
        self.assertEqual(self.get(f"/mandate/{key}/pdf").content, PDF)
        self.assertEqual(self.url_open("/my").status_code, 200)

    def test_another_customer_gets_nowhere(self):
        other = self.make_customer("Stranger")
        self.make_portal_user("stranger", other)
        self.post_details(self.token)
        self.authenticate("stranger", "stranger")
        key = f"request-{self.request_made.id}"
        for page in ("", "/sign", "/done", "/pdf"):
            self.assert_closed(f"/mandate/{key}{page}")
        self.assertIn("error", self.sign(key))
        self.assertIn("error", self.call(f"/mandate/{key}/iban", iban=IBAN))
        self.assertEqual(self.request_made.state, "open")
        mine = other._get_billing_mandate(self.company)
        page = self.url_open("/my/mandates").text
        self.assertIn(mine.unique_mandate_reference, page)
        own = self.make_mandate(self.newcomer)
        self.assertNotIn(own.unique_mandate_reference, self.url_open("/my/mandates").text)
        answer = self.get(f"/bfocused_billing/mandate_request/{self.request_made.id}/pdf")
        self.assertIn(answer.status_code, (303, 403, 404))

    def test_portal_users_reach_no_request_by_rpc(self):
        user = self.make_portal_user("hotel", self.newcomer)
        for model in ("bfocused.mandate.request", "bfocused.mandate.attempt", "bfocused.mandate.paper"):
            for right in ("read", "write", "create", "unlink"):
                self.assertFalse(self.env[model].with_user(user).has_access(right), (model, right))

    # === what is sent

    def test_a_script_in_a_name_is_text(self):
        evil = "<script>alert(1)</script>"
        self.post_details(self.token, account_holder=evil, signatory=evil, signatory_role=evil)
        for path in (f"/mandate/{self.token}", f"/mandate/{self.token}/sign"):
            self.assertNotIn(evil, self.get(path).text)
        self.sign(self.token, name=evil)
        self.assertEqual(self.request_made.signatory, evil)
        self.assertNotIn(evil, str(self.request_made._render_html(self.request_made._prepare_form())))
        self.assertNotIn(evil, self.get(f"/mandate/request-{self.request_made.id}/done").text)

    def test_a_huge_signature_is_refused_before_it_is_read(self):
        self.post_details(self.token)
        answer = self.url_open(
            self.read_form(self.token),
            data=json.dumps({"params": {"name": "Jan", "signature": "A" * (3 * 1024 * 1024)}}),
            headers={"Content-Type": "application/json"},
        )
        self.assertNotIn("result", answer.json())
        self.assertIn("413", str(answer.json()["error"]))
        self.assertIn("te groot", self.sign(self.token, signature="A" * (1024 * 1024))["error"])
        self.assertEqual(self.request_made.state, "open")

    def test_odd_parameters_are_refused_with_a_sentence(self):
        self.post_details(self.token)
        for params in ({"name": ""}, {"name": ["x"]}, {"name": "x" * 71}, {"signature": None}, {"signature": [1]}):
            with self.subTest(params):
                self.assertTrue(self.sign(self.token, **params)["error"])
        self.assertEqual(self.request_made.state, "open")

    def test_a_hundred_wrong_ibans_in_a_row_are_slowed_down(self):
        path = f"/mandate/{self.token}/iban"
        answers = [self.call(path, iban=f"XX{number:02}ABNA0417164300")["error"] for number in range(100)]
        self.assertEqual(sum("typefout" in answer for answer in answers), self.company.mandate_attempt_limit)
        self.assertIn("Probeer het over", answers[-1])
        self.assertIn("Probeer het over", self.call(path, iban=IBAN)["error"])
        self.assertIn("Probeer het over", self.get(f"/mandate/{self.token}").text)
        self.assertFalse(self.request_made.iban)

    def test_guessing_links_is_slowed_down(self):
        for number in range(self.company.mandate_attempt_limit + 1):
            self.get(f"/mandate/{number:043}")
        self.assert_closed(f"/mandate/{self.token}")
        self.cr.execute("DELETE FROM bfocused_mandate_attempt")
        self.env.invalidate_all()
        self.assertEqual(self.get(f"/mandate/{self.token}").status_code, 200)

    # === for staff

    def test_staff_print_the_filled_in_and_the_empty_form(self):
        new_test_user(
            self.env(su=True),
            "staff",
            groups="bfocused_billing.group_billing_user",
            company_id=self.company.id,
            company_ids=[(6, 0, self.company.ids)],
        )
        paths = (
            f"/bfocused_billing/mandate_request/{self.request_made.id}/pdf",
            f"/bfocused_billing/mandate_form/{self.company.id}/CORE",
        )
        for path in paths:
            self.assertNotEqual(self.get(path).content, PDF)
        self.authenticate("staff", "staff")
        for path in paths:
            self.assertEqual(self.get(path).content, PDF)
        self.assertEqual(self.get(f"/bfocused_billing/mandate_form/{self.company.id}/OTHER").status_code, 404)
        self.assertIn(str(self.company.id), self.requests.with_company(self.company).action_print_empty()["url"])

    def test_an_account_of_another_iban_gets_its_own_mandate(self):
        self.post_details(self.token)
        self.sign(self.token)
        second = self.requests._get_or_create_for(self.newcomer, self.company)
        token = second._renew_token()
        self.post_details(token, iban=OTHER_IBAN)
        self.sign(token)
        self.assertEqual(second.mandate_id.replaced_mandate_id, self.request_made.mandate_id)
        self.assertEqual(self.request_made.mandate_id.state, "cancel")
