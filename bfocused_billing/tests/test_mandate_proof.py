from base64 import b64encode
from datetime import timedelta

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user

from .mandate_common import IBAN, OTHER_IBAN, PAYMENTS, PDF, RequestCase


class TestProof(RequestCase):
    """What was signed can't be changed, and a change by other means is found."""

    def setUp(self):
        super().setUp()
        self.request = self.make_request()
        self.mandate = self.sign(self.request)

    def get_notification(self):
        return self.request.action_verify_proof()["params"]

    def test_the_genuine_document_is_confirmed(self):
        self.assertEqual(self.get_notification()["type"], "success")
        self.assertEqual(self.mandate.action_verify_proof()["params"]["type"], "success")

    def test_a_tampered_document_is_found(self):
        attachment = self.get_attachment("pdf")
        store = "db_datas" if attachment.db_datas else "store_fname"
        other = self.env["ir.attachment"].create({"name": "x", "raw": PDF + b" "})
        self.env.flush_all()
        self.cr.execute(
            f"UPDATE ir_attachment SET {store} = (SELECT {store} FROM ir_attachment WHERE id = %s) WHERE id = %s",
            (other.id, attachment.id),
        )
        self.env.invalidate_all()
        with self.assertLogs("odoo.addons.bfocused_billing.models.mandate.mandate_request", "WARNING"):
            self.assertEqual(self.get_notification()["type"], "danger")

    def test_a_missing_document_is_found(self):
        self.env.flush_all()
        self.cr.execute("DELETE FROM ir_attachment WHERE id = %s", self.get_attachment("pdf").ids)
        self.env.invalidate_all()
        with self.assertLogs("odoo.addons.bfocused_billing.models.mandate.mandate_request", "WARNING"):
            self.assertEqual(self.get_notification()["type"], "danger")

    def get_attachment(self, name):
        domain = [("res_model", "=", self.request._name), ("res_id", "=", self.request.id), ("res_field", "=", name)]
        return self.env["ir.attachment"].sudo().search(domain)

    def test_no_field_of_a_signed_request_is_written_even_with_all_rights(self):
        changes = {
            "iban": OTHER_IBAN,
            "account_holder": "Another",
            "signatory": "Another",
            "mandate_text": "Another",
            "signature": b64encode(b"another"),
            "pdf": b64encode(b"another"),
            "pdf_sha256": "0" * 64,
            "signed_at": fields.Datetime.now() - timedelta(days=9),
            "signed_at ": False,
        }
        changes.pop("signed_at ")
        for name, value in changes.items():
            with self.subTest(name), self.assertRaisesRegex(UserError, "can't be changed"), self.cr.savepoint():
                self.request.sudo().write({name: value})
        with self.assertRaisesRegex(UserError, "can't be changed"), self.cr.savepoint():
            self.request.sudo().write({"signed_at": False})
        with self.assertRaisesRegex(UserError, "kept as proof"):
            self.request.sudo().unlink()

    def test_its_files_are_neither_replaced_nor_deleted(self):
        for name in ("pdf", "signature"):
            attachment = self.get_attachment(name)
            self.assertTrue(attachment)
            for do in (
                lambda attachment=attachment: attachment.write({"raw": b"another"}),
                lambda attachment=attachment: attachment.write({"res_field": False}),
                attachment.unlink,
            ):
                with self.subTest(name), self.assertRaisesRegex(UserError, "kept as proof"), self.cr.savepoint():
                    do()

    def test_import_does_not_change_it(self):
        self.env["ir.model.data"].create(
            {"module": "test", "name": "signed", "model": self.request._name, "res_id": self.request.id}
        )
        result = self.requests.sudo().load(["id", "account_holder"], [["test.signed", "Another"]])
        self.assertFalse(result["ids"])
        self.assertIn("can't be changed", result["messages"][0]["message"])

    def test_users_have_no_way_to_write_requests(self):
        manager = self.make_user("mandate_manager", "bfocused_billing.group_billing_manager")
        with self.assertRaises(AccessError):
            self.request.with_user(manager).write({"bic": "ELSEWHERE"})
        with self.assertRaises(AccessError):
            self.requests.with_user(manager).create(
                {"partner_id": self.newcomer.id, "company_id": self.company.id, "scheme": "CORE"}
            )
        with self.assertRaises(UserError):
            self.get_attachment("pdf").with_user(manager).write({"raw": b"another"})
        with self.assertRaises(AccessError):
            self.request.with_user(manager).read(["token_hash"])

    def test_the_mandate_s_own_terms_are_fixed(self):
        other = self.env["res.partner.bank"].create({"partner_id": self.newcomer.id, "acc_number": OTHER_IBAN})
        changes = {
            "partner_bank_id": other.id,
            "partner_id": self.customer.id,
            "signature_date": "2020-01-01",
            "scheme": "B2B",
            "unique_mandate_reference": "OTHER",
            "type": "oneoff",
            "request_id": False,
            "scan": b64encode(b"another"),
        }
        for state in ("valid", "cancel", "draft"):
            if state != "valid":
                self.mandate.cancel() if state == "cancel" else self.mandate.back2draft()
            for name, value in changes.items():
                with self.subTest(name), self.assertRaisesRegex(UserError, "is signed"), self.cr.savepoint():
                    self.mandate.write({name: value})
        with self.assertRaisesRegex(UserError, "kept as proof"):
            self.mandate.unlink()

    def test_nor_does_a_user_say_what_it_proves_or_replaces(self):
        payments = self.make_user("mandate_payments", PAYMENTS)
        typed_in = self.make_mandate(self.newcomer)
        other = self.make_mandate(self.customer)
        changes = {
            "original_mandate_reference": "OTHER",
            "original_debtor_account": OTHER_IBAN,
            "replaced_mandate_id": other.id,
            "request_id": self.request.id,
        }
        for mandate, names in ((self.mandate, list(changes)[:3]), (typed_in, changes)):
            for name in names:
                with self.subTest(name), self.assertRaisesRegex(UserError, "its signature"), self.cr.savepoint():
                    mandate.with_user(payments).write({name: changes[name]})
        with self.assertRaisesRegex(UserError, "is signed"):
            typed_in.with_user(payments).write({"partner_id": self.customer.id})

    def test_the_account_behind_it_is_fixed(self):
        account = self.mandate.partner_bank_id
        for name, value in (
            ("acc_number", OTHER_IBAN),
            ("sanitized_acc_number", OTHER_IBAN),
            ("acc_holder_name", "Another"),
            ("partner_id", self.customer.id),
        ):
            with self.subTest(name), self.assertRaisesRegex(UserError, "was signed for"), self.cr.savepoint():
                account.write({name: value})
        account.acc_number = IBAN
        account.sanitized_acc_number = "NL91 ABNA 0417 1643 00"

    def test_a_customer_who_is_renamed_keeps_the_holder_who_signed(self):
        account = self.mandate.partner_bank_id
        owner, holder = account.partner_id, account.acc_holder_name
        owner.name = holder
        other = self.env["res.partner.bank"].create({"partner_id": owner.id, "acc_number": OTHER_IBAN})
        owner.name = "Renamed B.V."
        self.assertEqual(account.acc_holder_name, holder)
        self.assertEqual(other.acc_holder_name, "Renamed B.V.")

    def test_a_forged_proof_is_refused(self):
        manager = self.make_user("forger", "bfocused_billing.group_billing_manager")
        account = self.mandate.partner_bank_id
        with self.assertRaisesRegex(UserError, "comes from its signature"):
            self.env["account.banking.mandate"].with_user(manager).create(
                {"partner_bank_id": account.id, "company_id": self.company.id, "request_id": self.request.id}
            )

    def test_another_company_s_users_do_not_see_it(self):
        other = self.env["res.company"].create({"name": "Other B.V."})
        user = new_test_user(
            self.env(su=True),
            "elsewhere",
            groups="bfocused_billing.group_billing_manager",
            company_id=other.id,
            company_ids=[(6, 0, other.ids)],
        )
        self.assertFalse(self.requests.with_user(user).search([("id", "=", self.request.id)]))
        with self.assertRaises(AccessError):
            self.request.with_user(user).read(["iban"])
