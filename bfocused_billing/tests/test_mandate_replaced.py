from freezegun import freeze_time

from .collection_common import CollectionCase
from .common import day
from .mandate_common import OTHER_IBAN, Signing

THIRD_IBAN = "NL38INGB0003708810"


@freeze_time("2026-03-02 10:00:00")
class SignedCollectionCase(Signing, CollectionCase):
    """A company that collects itself, from a customer who also signs online."""

    def setUp(self):
        super().setUp()
        self.company.write({"street": "Kade 1", "zip": "3511 AA", "city": "Utrecht"})
        self.mandate = self.make_sample_customer("K1001")
        self.payer = self.mandate.partner_id
        self.payer.email = "customer@example.com"
        self.iban = "NL94RABO0375102892"

    def sign_new(self, iban=OTHER_IBAN):
        return self.sign(self.make_request(self.payer), iban=iban)

    def get_amendments(self, *moves):
        """What the file of these invoices' collection says of changed mandates, and the payment order."""
        order = self.make_order(*moves)
        order.draft2open()
        root = self.get_file(order)
        self.assert_valid(root)
        return [
            {
                tag: info.findtext(f".//p:AmdmntInfDtls//p:{tag}", namespaces=self.namespaces)
                for tag in ("OrgnlMndtId", "IBAN")
            }
            for info in root.iterfind(".//p:MndtRltdInf", self.namespaces)
            if info.findtext("p:AmdmntInd", namespaces=self.namespaces) == "true"
        ], order


class TestAmendment(SignedCollectionCase):
    """The debtor's bank is told which mandate a new one comes in the place of."""

    def test_a_new_account_is_told_with_the_first_debit_and_not_again(self):
        new = self.sign_new()
        told, order = self.get_amendments(self.make_invoice(new))
        self.assertEqual(told, [{"OrgnlMndtId": "BF-2024-00027", "IBAN": self.iban}])
        order.generated2uploaded()
        told, _order = self.get_amendments(self.make_invoice(new))
        self.assertFalse(told)

    def test_a_first_debit_that_never_reached_the_bank_tells_it_again(self):
        new = self.sign_new()
        _told, order = self.get_amendments(self.make_invoice(new))
        order.generated2uploaded()
        order.action_uploaded_cancel()
        told, _order = self.get_amendments(self.make_invoice(new))
        self.assertEqual(len(told), 1)

    def test_the_same_account_is_told_by_its_reference_only(self):
        new = self.sign_new(self.iban)
        told, _order = self.get_amendments(self.make_invoice(new))
        self.assertEqual(told, [{"OrgnlMndtId": "BF-2024-00027", "IBAN": None}])

    def test_an_unchanged_mandate_tells_nothing(self):
        told, _order = self.get_amendments(self.make_invoice(self.mandate))
        self.assertFalse(told)

    def test_a_mandate_no_bank_has_seen_is_not_told(self):
        self.payer = self.make_customer("Newcomer", with_mandate=False, email="newcomer@example.com")
        first = self.sign_new()
        new = self.sign_new(THIRD_IBAN)
        self.assertEqual(first.state, "cancel")
        self.assertEqual(new._get_amendment(), {})

    def test_what_the_bank_knows_outlives_a_mandate_that_was_never_collected(self):
        self.sign_new()
        new = self.sign_new(THIRD_IBAN)
        self.assertEqual(new._get_amendment(), {"reference": "BF-2024-00027", "iban": self.iban})
        back = self.sign_new(self.iban)
        self.assertEqual(back._get_amendment(), {"reference": "BF-2024-00027"})


class TestReplacedWhileOwing(SignedCollectionCase):
    """Invoices that were made with the old mandate are collected with the new one."""

    def setUp(self):
        super().setUp()
        self.mode.pre_notification_days = 5
        self.move = self.make_invoice(self.mandate)

    def collect(self):
        return self.mode._collect(day("2026-03-02")).payment_line_ids

    def test_an_open_invoice_goes_with_the_mandate_that_replaced_its_own(self):
        new = self.sign_new()
        line = self.collect()
        self.assertRecordValues(line, [{"mandate_id": new.id, "partner_bank_id": new.partner_bank_id.id}])
        self.assertEqual(self.move.mandate_id, new)

    def test_and_with_the_one_that_was_signed_after_its_own_expired(self):
        self.mandate.state = "expired"
        self.assertFalse(self.collect())
        self.assertIn("has expired", self.move.collection_problem)
        new = self.sign_new()
        self.assertEqual(self.collect().mandate_id, new)

    def test_a_retry_keeps_its_day(self):
        self.move.write({"reversal_state": "retry", "collection_retry_date": "2026-03-12"})
        self.sign_new()
        self.assertEqual(self.collect().date, day("2026-03-12"))
        self.assertEqual(self.move.reversal_state, "retry")


class TestPreNotification(SignedCollectionCase):
    """One number of days: what the mandate's text says is what the collection waits for."""

    def make_debit_mode(self, days):
        mode = self.mode.copy({"name": f"Debit {days}"})
        mode.pre_notification_days = days
        return mode

    def get_day(self, mandate):
        return self.make_invoice(mandate)._get_collection_day(day("2026-03-02"))

    def test_nothing_agreed_is_14_days(self):
        self.assertEqual((self.company.mandate_prenotification_days, self.mode.pre_notification_days), (14, 14))

    def test_a_payment_mode_follows_the_company_s_setting_unless_it_has_its_own(self):
        own = self.make_debit_mode(7)
        self.company.mandate_prenotification_days = 5
        self.assertEqual((self.mode.pre_notification_days, own.pre_notification_days), (5, 7))
        self.assertEqual(self.make_transfer_mode().pre_notification_days, 5)

    def test_text_form_and_collection_say_the_same(self):
        self.mode.pre_notification_days = 7
        request = self.make_request(self.payer)
        self.assertIn("7 kalenderdagen", request._get_text())
        self.assertIn("7 kalenderdagen", request._prepare_empty_form(self.company, "CORE", "nl_NL")["text"])
        mandate = self.sign(request, iban=OTHER_IBAN)
        self.assertIn("7 kalenderdagen", request.mandate_text)
        self.assertEqual(self.get_day(mandate), day("2026-03-09"))

    def test_the_days_are_those_of_the_mode_it_is_collected_with(self):
        self.payer.with_company(self.company).customer_payment_mode_id = self.make_debit_mode(3)
        self.assertEqual(self.make_request(self.payer).prenotification_days, 3)
        order = self.env["sale.order"].create(
            {"partner_id": self.payer.id, "company_id": self.company.id, "payment_mode_id": self.make_debit_mode(2).id}
        )
        self.assertEqual(self.make_request(self.payer, order_id=order.id).prenotification_days, 2)

    def test_an_open_request_follows_the_setting_and_a_signed_one_keeps_what_was_agreed(self):
        request = self.make_request(self.payer)
        self.company.mandate_prenotification_days = 5
        self.assertEqual(self.make_request(self.payer), request)
        self.assertEqual(request.prenotification_days, 5)
        mandate = self.sign(request, iban=OTHER_IBAN)
        self.company.mandate_prenotification_days = 14
        self.assertEqual(request.prenotification_days, 5)
        self.assertEqual(self.get_day(mandate), day("2026-03-16"), "more notice than agreed")

    def test_a_mandate_that_agreed_on_more_days_gets_them(self):
        mandate = self.sign_new()
        self.company.mandate_prenotification_days = 1
        self.assertEqual(self.get_day(mandate), day("2026-03-16"))
        self.assertEqual(self.get_day(self.make_sample_customer("K1002")), day("2026-03-03"))
