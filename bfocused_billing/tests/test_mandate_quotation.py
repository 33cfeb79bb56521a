from unittest.mock import patch

from .mandate_common import OTHER_IBAN, SIGNATURE
from .mandate_portal_common import PDF, MandatePortalCase


class TestMandateOfQuotation(MandatePortalCase):
    """From a quotation to its mandate: what its link shows, and what not."""

    def make_quotation(self, **values):
        order = self.make_order(self.cloudbox, require_signature=True, require_payment=False, **values)
        order.action_quotation_sent()
        return order

    def accept(self, order):
        with patch.object(
            self.env.registry["ir.actions.report"], "_render_qweb_pdf", lambda *args, **kwargs: (b"%PDF", "pdf")
        ):
            return self.call(
                f"/my/orders/{order.id}/accept?access_token={order._portal_ensure_token()}",
                name="Jan Jansen",
                signature=SIGNATURE,
            )

    def test_accepting_a_quotation_leads_through_the_mandate_and_confirms_after_it(self):
        order = self.make_quotation()
        answer = self.accept(order)
        self.assertRecordValues(order, [{"state": "sent", "awaits_mandate": True, "signed_by": "Jan Jansen"}])
        form = self.url_open(answer["redirect_url"])
        key = form.url.rsplit("/", 1)[1]
        self.post_details(key)
        self.sign(key)
        self.assertEqual(order.state, "sale")
        self.assertTrue(order.subscription_ids.in_progress)
        self.assertIn("is bevestigd", self.get(f"/mandate/{key}/done").text)

    def test_whoever_stops_half_way_goes_on_from_the_quotation_later(self):
        order = self.make_quotation()
        self.accept(order)
        self.opener.cookies.clear()
        page = self.url_open(order.get_portal_url()).text
        self.assertIn("You have accepted this quotation", page)
        form = self.url_open(order.get_portal_url(suffix="/mandate"))
        self.assertIn("o_mandate_form", form.text)
        self.assertEqual(self.post_details(self.token).status_code, 303, "the mailed link still works too")

    def test_the_link_of_a_quotation_does_not_show_what_was_filled_in_elsewhere(self):
        self.post_details(self.token, iban=OTHER_IBAN, place="Zutphen")
        self.opener.cookies.clear()
        order = self.make_quotation()
        form = self.url_open(order.get_portal_url(suffix="/mandate"))
        own = self.requests.search([("order_id", "=", order.id)])
        self.assertNotEqual(own, self.request_made)
        self.assertEqual(form.url.rsplit("/", 1)[1], f"request-{own.id}")
        for text in ("NL20 INGB", "Zutphen", "Jan Jansen", self.request_made.reference):
            self.assertNotIn(text, form.text)
        self.assert_closed(f"/mandate/request-{self.request_made.id}")

    def test_what_is_filled_in_by_the_e_mailed_link_is_not_shown_by_the_quotation(self):
        order = self.make_quotation()
        key = self.url_open(order.get_portal_url(suffix="/mandate")).url.rsplit("/", 1)[1]
        mailed = self.requests.browse(int(key.removeprefix("request-")))
        mailed._send()
        self.assert_closed(f"/mandate/{key}")
        order.action_send_mandate_request()
        again = self.url_open(order.get_portal_url(suffix="/mandate")).url.rsplit("/", 1)[1]
        self.assertNotEqual(again, key)

    def test_who_came_by_the_quotation_does_not_see_what_another_signed(self):
        url = self.make_quotation().get_portal_url(suffix="/mandate")
        key = self.url_open(url).url.rsplit("/", 1)[1]
        visitor = self.opener.cookies.copy()
        self.opener.cookies.clear()
        self.assertEqual(self.url_open(url).url.rsplit("/", 1)[1], key)
        self.post_details(key)
        self.sign(key)
        self.assertEqual(self.get(f"/mandate/{key}/pdf").content, PDF)
        self.opener.cookies.clear()
        self.opener.cookies.update(visitor)
        for page in ("done", "pdf"):
            self.assert_closed(f"/mandate/{key}/{page}")
        self.assertEqual(self.request_made.state, "cancel", "the mailed link would only replace what was signed")

    def test_a_logged_in_customer_goes_on_with_what_was_filled_in(self):
        self.post_details(self.token)
        self.make_portal_user("hotel", self.newcomer)
        self.authenticate("hotel", "hotel")
        order = self.make_quotation()
        form = self.url_open(order.get_portal_url(suffix="/mandate"))
        self.assertEqual(form.url.rsplit("/", 1)[1], f"request-{self.request_made.id}")
        self.assertEqual(self.request_made.order_id, order)

    def test_with_a_valid_mandate_accepting_confirms_at_once(self):
        self.make_mandate(self.newcomer)
        order = self.make_quotation()
        self.assertIn("sign_ok", self.accept(order)["redirect_url"])
        self.assertEqual(order.state, "sale")

    def test_a_quotation_s_form_takes_its_access_token(self):
        order = self.make_quotation()
        self.assertEqual(self.get(f"/my/orders/{order.id}/mandate").headers["Location"].rsplit("/", 1)[1], "my")
        self.assertEqual(
            self.get(f"/my/orders/{order.id}/mandate?access_token=guess").headers["Location"].rsplit("/", 1)[1], "my"
        )
        self.assert_closed(f"/mandate/request-{self.request_made.id}")
