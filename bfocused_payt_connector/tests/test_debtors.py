from odoo.tests import tagged

from .data_common import PaytDataCase


@tagged("post_install", "-at_install")
class TestDebtors(PaytDataCase):
    """Customers, their contact and VAT rates in PAYT's words; changes follow."""

    def make_debtor(self, partner=None):
        partner = partner or self.customer
        partner.with_company(self.company)._queue_payt_debtor()
        partner.with_company(self.company)._payt_taken_contact(self.backend, {})
        partner.with_company(self.company)._payt_taken_debtor(self.backend, {})
        self.clear_outbox()
        return partner

    # === PAYLOADS

    def test_a_company_with_all_it_can_have(self):
        owner = self.make_customer("Slagerij Jansen", with_mandate=False)
        account = self.env["res.partner.bank"].create({"acc_number": "NL91ABNA0417164300", "partner_id": owner.id})
        account.acc_holder_name = "B. Jansen"
        owner.write(
            {
                "ref": "D1002",
                "email": "post@jansen.example",
                "vat": "NL123456782B90",
                "company_registry": "12345678",
                "industry_id": self.env["res.partner.industry"].create({"name": "Horeca"}).id,
                "category_id": [(0, 0, {"name": "Zuid"}), (0, 0, {"name": "Groot"})],
                "user_id": self.env.user.id,
                "peppol_eas": "0106",
                "peppol_endpoint": "12345678",
            }
        )
        owner._queue_payt_debtor()
        payload = self.prepare(owner, "debtor")
        self.assertEqual(
            payload,
            {
                "debtor_number": "D1002",
                "debtor_identifier": str(owner.id),
                "name": "Slagerij Jansen",
                "contact_identifier": str(owner.id),
                "is_company": True,
                "country_code": "NL",
                "language_code": "nl",
                "coc_number": "12345678",
                "vat_number": "NL123456782B90",
                "peppol_identifier": "0106:12345678",
                "bank_account_name": "B. Jansen",
                "bank_account_number": account.sanitized_acc_number,
                "category": "Horeca",
                "labels": ["Groot", "Zuid"],
                "relation_manager": self.env.user.name,
            },
        )

    def test_a_person_with_nothing_but_a_name(self):
        person = self.env["res.partner"].create({"name": "Åsa Ñandú-O'Neill & <Zn>", "is_company": False})
        person._queue_payt_debtor()
        payload = self.prepare(person, "debtor")
        self.assertEqual(
            payload.keys(),
            {
                "debtor_number",
                "debtor_identifier",
                "name",
                "contact_identifier",
                "is_company",
                "labels",
                "language_code",
            },
        )
        self.assertIs(payload["is_company"], False)
        self.assertEqual(payload["debtor_number"], f"ODOO-{person.id}")
        self.assertEqual(self.prepare(person, "contact")["lastname"], person.name)

    def test_a_very_long_name_is_not_shortened(self):
        self.customer.name = "Stichting " + "ß€漢" * 200
        self.customer._queue_payt_debtor()
        self.assertEqual(self.prepare(self.customer, "debtor")["name"], self.customer.name)

    def test_a_number_stays_whatever_becomes_of_the_reference(self):
        self.make_debtor()
        self.customer.ref = "D2002"
        self.assertEqual(self.prepare(self.customer, "debtor")["debtor_number"], "D1001")

    def test_two_customers_with_one_reference_have_two_numbers(self):
        self.make_debtor()
        other = self.make_customer("Slagerij", ref="D1001")
        other._queue_payt_debtor()
        self.assertEqual(self.prepare(other, "debtor")["debtor_number"], f"ODOO-{other.id}")

    def test_invoices_and_reminders_go_to_their_own_contact(self):
        invoices = self.env["res.partner"].create(
            {"name": "Facturen", "parent_id": self.customer.id, "type": "invoice", "email": "ap@jansen.example"}
        )
        reminders = self.env["res.partner"].create(
            {"name": "Directie", "parent_id": self.customer.id, "email": "Directie <baas@jansen.example>"}
        )
        self.customer.payt_reminder_contact_id = reminders
        payload = self.prepare(self.customer, "contact")
        self.assertEqual(payload["invoice_email_address"], invoices.email)
        self.assertEqual(payload["reminder_email_address"], "baas@jansen.example")
        self.assertEqual(payload["lastname"], "Facturen")

    # === CHANGES

    def test_what_payt_does_not_know_does_not_follow(self):
        self.customer.write({"name": "Bakkerij De Wit", "email": "nieuw@jansen.example"})
        self.assertFalse(self.get_rows())

    def test_a_new_address_goes_as_one_row(self):
        self.make_debtor()
        self.customer.street = "Dorpsstraat 1"
        self.customer.write({"zip": "1234 AB", "city": "Ons Dorp"})
        self.assert_put(self.customer, "contact")

    def test_a_new_name_is_of_the_contact_and_the_debtor(self):
        self.make_debtor()
        self.customer.name = "Bakkerij De Wit"
        self.assert_put(self.customer, "contact", "debtor")

    def test_what_payt_does_not_care_for_puts_nothing(self):
        self.make_debtor()
        self.customer.write({"comment": "Belt altijd op maandag", "website": "https://jansen.example"})
        self.assertFalse(self.get_rows())

    def test_many_customers_have_one_row_each(self):
        customers = self.customer | self.make_customer("Slagerij") | self.make_customer("Kaasboer")
        for customer in customers:
            self.make_debtor(customer)
        customers.write({"lang": "en_US"})
        self.assert_put(customers, "debtor")

    def test_the_address_of_a_child_is_the_contact_of_the_customer(self):
        self.make_debtor()
        child = self.env["res.partner"].create({"name": "Facturen", "parent_id": self.customer.id, "type": "invoice"})
        self.assert_put(self.customer, "contact")
        self.clear_outbox()
        child.email = "ap@jansen.example"
        self.assert_put(self.customer, "contact")
        self.assertFalse(self.get_rows(child))

    def test_an_address_that_invoices_go_to_is_followed_too(self):
        depot = self.make_address("Depot", "other")
        self.make_pushed_invoice(partner=depot)
        self.env["payt.outbox"]._put(depot, "contact")
        self.get_rows().state = "sent"
        depot.email = "anders@jansen.example"
        self.assert_put(depot, "contact")
        self.get_rows().state = "sent"
        self.customer.payt_reminder_contact_id = self.make_address("Incasso", "other")
        self.assert_put(depot, "contact")

    def test_an_address_that_is_deleted_is_not_used_any_more(self):
        address = self.make_address("Administratie", "invoice")
        self.customer._queue_payt_debtor()
        self.clear_outbox()
        address.unlink()
        self.assert_put(self.customer, "contact")

    def test_a_number_with_a_comma_is_two_numbers_to_payt(self):
        self.customer.ref = "D1,D2"
        self.customer.payt_debtor_number = False
        self.customer._queue_payt_debtor()
        self.assertEqual(self.customer.payt_debtor_number, f"ODOO-{self.customer.id}")

    def make_address(self, name, kind):
        return self.env["res.partner"].create(
            {"name": name, "parent_id": self.customer.id, "type": kind, "email": f"{name}@jansen.example"}
        )

    def test_the_rates_of_a_company_go_where_its_branches_are_too(self):
        branch = self.env["res.company"].create({"name": "Filiaal", "parent_id": self.company.id})
        backend = self.env["payt.backend"].create({"company_id": branch.id, "administration_id": "82"})
        self.tax.payt_state = "none"
        self.tax._queue_payt_vat_rates()
        self.assertEqual(self.get_rows(self.tax).backend_id, self.backend + backend)

    def test_another_account_is_the_debtor_s(self):
        self.make_debtor()
        account = self.env["res.partner.bank"].create(
            {"partner_id": self.customer.id, "acc_number": "NL91ABNA0417164300"}
        )
        self.assert_put(self.customer, "debtor")
        self.clear_outbox()
        account.unlink()
        self.assert_put(self.customer, "debtor")

    def test_a_refusal_is_on_the_customer_and_can_be_tried_again(self):
        self.make_debtor()
        self.refuse(self.customer, "debtor", "Name is reserved", "VAT number is invalid")
        self.assertEqual(self.customer.payt_debtor_state, "error")
        self.assertEqual(self.customer.payt_debtor_message, "Name is reserved; VAT number is invalid")
        self.customer.action_payt_debtor_retry()
        self.assert_put(self.customer, "contact", "debtor")
        self.take(self.customer, "debtor")
        self.assertEqual((self.customer.payt_debtor_state, self.customer.payt_debtor_message), ("pushed", False))

    def test_a_refused_contact_is_not_forgotten_when_the_debtor_is_taken(self):
        self.make_debtor()
        self.refuse(self.customer, "contact", "Email is invalid")
        self.take(self.customer, "debtor")
        self.assertEqual(self.customer.payt_debtor_state, "error")
        self.assertEqual(self.customer.payt_contact_message, "Email is invalid")
        self.take(self.customer, "contact")
        self.assertEqual((self.customer.payt_debtor_state, self.customer.payt_contact_message), ("pushed", False))

    def test_invoices_refused_for_want_of_the_debtor_go_once_it_is_there(self):
        move = self.make_pushed_invoice()
        self.refuse(self.customer, "debtor", "Name is reserved")
        self.refuse(move, "invoice", "Debtor not found")
        self.take(self.customer, "debtor")
        self.assert_put(move, "invoice")

    # === VAT RATES

    def test_each_kind_of_dutch_rate(self):
        chart = self.env["account.chart.template"].with_company(self.company)
        wanted = {
            "btw_21": ("21", "regular"),
            "btw_0_d": ("0", "zero"),
            "btw_verk_0": ("0", "reversed"),
            "btw_X0_diensten": ("0", "reversed"),
            "btw_X0_producten": ("0", "export_within_eea"),
            "btw_X1": ("0", "export"),
        }
        found = {}
        for name in wanted:
            payload = self.prepare(chart.ref(name), "vat_rate")
            found[name] = (payload["rate"], payload["category"])
        self.assertEqual(found, wanted)

    def test_a_rate_with_decimals_and_a_code_of_its_own(self):
        tax = self.tax.copy({"amount": 8.875, "name": "8.875%", "ubl_cii_tax_category_code": "E"})
        payload = self.prepare(tax, "vat_rate")
        self.assertEqual((payload["rate"], payload["category"], payload["code"]), ("8.875", "exempt", str(tax.id)))

    def test_what_is_no_percentage_is_no_rate(self):
        self.assertIsNone(self.prepare(self.tax.copy({"amount_type": "fixed", "name": "Statiegeld"}), "vat_rate"))

    def test_a_rate_that_changes_goes_again(self):
        self.tax._queue_payt_vat_rates()
        self.assert_put(self.tax, "vat_rate")
        self.take(self.tax, "vat_rate")
        self.tax.sequence = 99
        self.assertFalse(self.get_rows(self.tax))
        self.tax.name = "21% hoog"
        self.assert_put(self.tax, "vat_rate")
