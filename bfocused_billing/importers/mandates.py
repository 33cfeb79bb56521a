from odoo.addons.base_iban.models.res_partner_bank import normalize_iban

from ..tools import changed_values
from .base import Refused
from .customers import CustomersImporter


class MandatesImporter(CustomersImporter):
    """Signed SEPA mandates. A mandate is proof of what was signed, so one that is there is never changed."""

    filename = "mandates.csv"
    columns = ("mandate_reference", "customer_number", "iban", "account_holder", "scheme", "signature_date")
    required = ("mandate_reference", "customer_number", "iban", "scheme", "signature_date")
    key = "mandate_reference"

    def _import(self, rows):
        row = rows[0]
        if row["scheme"] not in ("CORE", "B2B"):
            raise Refused(self._('scheme: "%s" is neither CORE nor B2B.', row["scheme"]))
        partner = self._find_customer(row)
        mandate = self._find("account.banking.mandate", [("unique_mandate_reference", "=", row["mandate_reference"])])
        signed = {"scheme": row["scheme"], "signature_date": self._date(row, "signature_date")}
        if mandate:
            self._check_same(mandate, partner, row, signed)
            return "unchanged"
        account, _outcome = self._get_bank_account(partner, row["iban"], row["account_holder"])
        mandates, values = self.env["account.banking.mandate"], self._prepare_mandate(row, account, signed)
        problem = mandates._get_lapsed_problem(values["signature_date"], values["last_debit_date"])
        if problem:
            raise Refused(problem)
        mandates.create(values)
        return "created"

    def _prepare_mandate(self, row, account, signed):
        return {
            **signed,
            "unique_mandate_reference": row["mandate_reference"],
            "company_id": self.company.id,
            "partner_bank_id": account.id,
            "format": "sepa",
            "type": "recurrent",
            # Since November 2016 a first collection may be sent as a recurring one (T13).
            "recurrent_sequence_type": "recurring",
            "state": "valid",
            # an optional column: files from before it stay valid, and their B2B mandates are registered by hand
            "b2b_registered_date": row.get("bank_registered_date") and self._date(row, "bank_registered_date"),
            # optional too: what the system before this one collected keeps an older mandate alive
            "last_debit_date": bool(row.get("last_debit_date")) and self._date(row, "last_debit_date"),
        }

    def _check_same(self, mandate, partner, row, signed):
        same_account = mandate.partner_bank_id.sanitized_acc_number == normalize_iban(row["iban"])
        if mandate.partner_id != partner or not same_account or changed_values(mandate, signed):
            raise Refused(
                self._(
                    "Mandate %s is there with another customer, account, scheme or date. A signed mandate can't be "
                    "changed: import the new one under its own reference.",
                    row["mandate_reference"],
                )
            )
