"""What is emptied here is emptied there, whether PAYT keeps what an upsert leaves out or empties it."""

from typing import get_type_hints

from odoo.tests import tagged

from ..delivery import RESOURCES
from ..payt_api import PaytPayloadInvalid
from ..payt_api.guard import EMPTIED, NEVER_EMPTY, get_emptiable, guarded
from .test_outbox_resources import INVOICE, ResourceCase
from .test_pull import PullCase

READINGS = (False, True)  # whether PAYT empties what is left out
UPSERTS = {name: row.write.operation for name, row in RESOURCES.items() if row.write.is_update}


class EmptiedCase(ResourceCase):
    def get_filled(self, payload_type):
        """Every field that can be emptied, filled."""
        return {
            name: ["Zuid"] if value == [] else f"{name}@jansen.example"
            for name, value in get_emptiable(payload_type).items()
        }


@tagged("post_install", "-at_install")
class TestEveryField(EmptiedCase):
    def test_every_optional_field_can_be_emptied_or_it_is_known_why_not(self):
        for name, operation in UPSERTS.items():
            optional = operation.payload.__annotations__.keys() - operation.payload.__required_keys__
            others = optional - get_emptiable(operation.payload).keys() - NEVER_EMPTY
            hints = get_type_hints(operation.payload, include_extras=True)
            for field in others:
                with self.subTest(resource=name, field=field):
                    # of a fixed form (a day, a moment, a country), a word of a list, a yes or no, records of their own
                    self.assertNotIn(str(hints[field]), ("NotRequired[str]", "NotRequired[list[str]]"))
                    with self.assertRaisesRegex(PaytPayloadInvalid, "can't be emptied"):
                        guarded(operation.payload, {field: EMPTIED})

    def test_every_field_that_can_be_emptied_is(self):
        required = {
            "contact": {"contact_identifier": "C1"},
            "debtor": {"debtor_number": "D9", "debtor_identifier": "D9", "name": "Jansen"},
            "invoice": {**INVOICE, "invoice_number": "INV/9"},
            "vat_rate": {"code": "C9", "rate": "21", "name": "21%"},
        }
        self.assertEqual(required.keys(), UPSERTS.keys())
        for resource, operation in UPSERTS.items():
            for is_emptied in READINGS:
                with self.subTest(resource=resource, omitted_is_emptied=is_emptied):
                    self.sandbox.world.set("omitted_is_emptied", is_emptied)
                    self.jansen.ref = f"{resource}-{is_emptied}"
                    self.try_fields(resource, {**required[resource], operation.key: self.jansen.ref}, operation)

    def try_fields(self, resource, bare, operation):
        if "debtor_identifier" in bare and resource == "debtor":
            bare["debtor_identifier"] = bare["debtor_number"]
        payload = {**bare, **self.get_filled(operation.payload)}
        methods = {"_get_payt_files": lambda partner: [], "_get_payt_instead_invoice": lambda partner: {}}
        self.outbox.search([]).unlink()
        self.be(resource, lambda partner: payload, **methods)
        self.send(resource, self.jansen)
        before = self.get_theirs(resource, bare, operation)
        filled = payload.keys() - bare.keys()
        payload = bare
        self.send(resource, self.jansen)
        after = self.get_theirs(resource, bare, operation)
        self.assertEqual(set(self.rows(resource=resource).mapped("state")), {"sent"})
        for name in filled:
            self.assertTrue(before.get(name), name)
            self.assertFalse(after.get(name), name)
        requests = self.requests(str(operation))
        self.send(resource, self.jansen)
        self.assertEqual(self.requests(str(operation)), requests, "it is said once")

    def get_theirs(self, resource, bare, operation):
        [found] = [one for one in self.sandbox.state()[f"{resource}s"] if one[operation.key] == bare[operation.key]]
        return dict(found)

    def test_a_new_record_says_nothing_of_what_it_never_had(self):
        self.jansen.ref = "C1"
        self.be("contact", lambda partner: {"contact_identifier": "C1", "lastname": "Jansen"})
        self.send("contact", self.jansen)
        [contact] = self.sandbox.state()["contacts"]
        self.assertNotIn("sms_phone_number", contact)

    def test_what_was_told_in_an_answer_that_was_lost_is_emptied_too(self):
        self.jansen.ref = "C1"
        payload = {"contact_identifier": "C1", "lastname": "Jansen", "call_phone_number": "010"}
        self.be("contact", lambda partner: payload)
        self.sandbox.fail("lost_answer", method="POST", path="/v1/contacts")
        self.send("contact", self.jansen)
        del payload["call_phone_number"]
        self.rows(state="pending").action_try_again()
        self.empty()
        self.assertEqual(self.sandbox.state()["contacts"][0]["call_phone_number"], "")

    def test_what_was_told_before_the_update_of_odoo_is_emptied(self):
        self.jansen.ref = "C1"
        payload = {"contact_identifier": "C1", "lastname": "Jansen", "call_phone_number": "010"}
        self.be("contact", lambda partner: payload)
        self.send("contact", self.jansen)
        self.env.cr.execute("UPDATE payt_outbox SET told_fields = NULL")
        self.env.invalidate_all()
        del payload["call_phone_number"]
        self.send("contact", self.jansen)
        self.assertEqual(self.sandbox.state()["contacts"][0]["call_phone_number"], "")


@tagged("post_install", "-at_install")
class TestEmptiedCustomer(PullCase):
    """The fields of Odoo."""

    FIELDS = {
        "email": ("contacts", "invoice_email_address", "default_email_address", "reminder_email_address"),
        "phone": ("contacts", "call_phone_number"),
        "street": ("contacts", "postal_address_street_1"),
        "street2": ("contacts", "postal_address_street_2"),
        "zip": ("contacts", "postal_address_postal_code"),
        "city": ("contacts", "postal_address_city"),
        "state_id": ("contacts", "postal_address_region"),
        "vat": ("debtors", "vat_number"),
        "company_registry": ("debtors", "coc_number"),
        "peppol_endpoint": ("debtors", "peppol_identifier"),
        "industry_id": ("debtors", "category"),
        "user_id": ("debtors", "relation_manager"),
        "category_id": ("debtors", "labels"),
    }

    def setUp(self):
        super().setUp()
        self.customer.write(
            {
                **{"email": "post@jansen.example", "phone": "+31 10 1234567", "street": "Kade 1", "street2": "II"},
                **{"zip": "3011 AA", "city": "Rotterdam", "country_id": self.env.ref("base.nl").id},
                "state_id": self.env["res.country.state"].search([("country_id.code", "=", "NL")], limit=1).id,
                **{"vat": "NL123456782B90", "company_registry": "12345678", "is_company": True},
                **{"peppol_eas": "0106", "peppol_endpoint": "12345678"},
                "industry_id": self.env["res.partner.industry"].create({"name": "Horeca"}).id,
                **{"user_id": self.env.user.id, "category_id": [(0, 0, {"name": "Zuid"})]},
            }
        )

    def get_theirs(self, resource, name):
        key, value = {
            "contacts": ("contact_identifier", str(self.customer.id)),
            "debtors": ("debtor_number", self.customer.payt_debtor_number),
        }[resource]
        [found] = [one for one in self.sandbox.state()[resource] if one[key] == value]
        return found.get(name)

    def test_each_field_that_is_emptied_here_is_emptied_there(self):
        for is_emptied in READINGS:
            self.sandbox.world.set("omitted_is_emptied", is_emptied)
            self.customer.with_company(self.company)._queue_payt_debtor()
            self.push()
            for field, [resource, *names] in self.FIELDS.items():
                with self.subTest(field, omitted_is_emptied=is_emptied):
                    value = self.customer[field]
                    value = value.ids if field == "category_id" else getattr(value, "id", value)
                    self.assertTrue(all(self.get_theirs(resource, name) for name in names), names)
                    self.customer[field] = False
                    self.push()
                    self.assertEqual([self.get_theirs(resource, name) or "" for name in names], [""] * len(names))
                    self.customer[field] = [(6, 0, value)] if field == "category_id" else value
                    self.push()
                    self.assertTrue(all(self.get_theirs(resource, name) for name in names), names)

    def test_the_account_of_a_mandate_that_ended_goes(self):
        self.make_invoice_at_payt()
        mandate = self.customer.with_company(self.company)._get_billing_mandate(self.company)
        self.assertTrue(self.get_theirs("debtors", "bank_account_number"))
        mandate.cancel()
        self.customer.bank_ids.active = False
        self.customer.with_company(self.company)._queue_payt_debtor()
        self.push()
        self.assertEqual(self.get_theirs("debtors", "bank_account_number"), "")

    def test_an_order_number_that_is_emptied(self):
        move = self.make_invoice_at_payt(ref="PO-7")
        [theirs] = self.sandbox.state()["invoices"]
        self.assertEqual(theirs["order_number"], "PO-7")
        move.ref = False
        move._queue_payt_update()
        self.push()
        self.assertEqual(self.sandbox.state()["invoices"][0]["order_number"], "")

    def test_an_invoice_that_goes_to_the_customer_again(self):
        address = self.env["res.partner"].create({"name": "Filiaal", "parent_id": self.customer.id, "type": "other"})
        move = self.make_invoice_at_payt(partner=address)
        [theirs] = self.sandbox.state()["invoices"]
        self.assertEqual(theirs["_contact_identifier"], str(address.id))
        address.type = "invoice"  # to which all the customer's invoices go now
        move._queue_payt_update()
        self.push()
        self.assertEqual(self.sandbox.state()["invoices"][0]["_contact_identifier"], str(self.customer.id))

    def test_several_addresses_in_one_field(self):
        self.customer.email = "Een <een@jansen.example>, twee@jansen.example; drie@jansen.example, vier@jansen.example"
        self.customer.with_company(self.company)._queue_payt_debtor()
        self.push()
        for purpose in ("invoice", "reminder"):
            names = [f"{purpose}{kind}_email_address" for kind in ("", "_cc", "_bcc")]
            self.assertEqual(
                [self.get_theirs("contacts", name) for name in names],
                ["een@jansen.example", "twee@jansen.example", "drie@jansen.example"],
            )
        self.assertTrue([body for body in self.customer.message_ids.mapped("body") if "vier@jansen.example" in body])
        self.customer.email = "een@jansen.example"
        self.push()
        self.assertEqual(self.get_theirs("contacts", "invoice_cc_email_address"), "")
        self.assertEqual(self.get_theirs("contacts", "reminder_bcc_email_address"), "")
