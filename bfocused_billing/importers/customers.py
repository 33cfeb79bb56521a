from odoo.exceptions import ValidationError

from odoo.addons.base_iban.models.res_partner_bank import normalize_iban, pretty_iban, validate_iban

from .base import Importer, Refused


class CustomersImporter(Importer):
    """Companies with their contact, invoice address and bank account."""

    filename = "customers.csv"
    columns = (
        "customer_number", "name", "street", "zip", "city", "country", "phone", "email", "invoice_email",
        "kvk", "vat", "iban", "account_holder", "contact_name", "language",
    )  # fmt: skip
    required = ("customer_number", "name", "street", "zip", "city", "country", "email", "iban")
    key = "customer_number"

    def _import(self, rows):
        row = rows[0]
        partner = self._find("res.partner", [("ref", "=", row["customer_number"]), ("parent_id", "=", False)])
        partner, outcome = self._store("res.partner", partner, self._prepare_partner(row))
        outcomes = [
            outcome,
            self._store_child(partner, "contact", {"name": row["contact_name"]}),
            self._store_child(partner, "invoice", self._prepare_invoice_address(partner, row)),
            self._get_bank_account(partner, row["iban"], row["account_holder"])[1],
        ]
        if outcome == "unchanged" and set(outcomes) != {"unchanged"}:
            return "updated"
        return outcome

    def _prepare_partner(self, row):
        if row["kvk"] and not (row["kvk"].isdigit() and len(row["kvk"]) == 8):
            raise Refused(self._('kvk: "%s" is not a KvK number, which has 8 digits.', row["kvk"]))
        language = row["language"] or self.env.lang
        if language not in dict(self.env["res.lang"].get_installed()):
            raise Refused(self._('language: "%s" is not installed.', language))
        return {
            "ref": row["customer_number"],
            "name": row["name"],
            "is_company": True,
            "street": row["street"],
            "zip": row["zip"],
            "city": row["city"],
            "country_id": self._get_country(row).id,
            "phone": row["phone"] or False,
            "email": row["email"],
            "company_registry": row["kvk"] or False,
            "vat": row["vat"] or False,
            "lang": language,
        }

    def _get_country(self, row):
        country = self.env["res.country"].search([("code", "=", row["country"].upper())], limit=1)
        if not country:
            raise Refused(self._('country: "%s" is not a country code such as NL.', row["country"]))
        return country

    def _prepare_invoice_address(self, partner, row):
        """Another place for invoices, with the postal address they have to show; one of its own stays."""
        if not row["invoice_email"]:
            return {}
        address = {}
        if not partner.child_ids.filtered(lambda contact: contact.type == "invoice")[:1].street:
            address = {name: partner[name] for name in ("street", "zip", "city")}
            address["country_id"] = partner.country_id.id
        return {"email": row["invoice_email"], **address}

    def _store_child(self, partner, kind, values):
        """The one contact of a kind; left alone where the file says nothing."""
        if not any(values.values()):
            return "unchanged"
        child = partner.child_ids.filtered(lambda contact: contact.type == kind)[:1]
        return self._store("res.partner", child, {"parent_id": partner.id, "type": kind, **values})[1]

    def _get_bank_account(self, partner, number, holder):
        """The customer's bank account; made where there is none with that number.

        :return: ``res.partner.bank``, and ``created`` or ``unchanged``
        """
        try:
            validate_iban(number)
        except ValidationError as error:
            raise Refused(self._('iban: "%s" is not valid; check it for a typing error.', number)) from error
        accounts = self.env["res.partner.bank"].sudo()
        compact = normalize_iban(number)
        account = accounts.search([("partner_id", "=", partner.id), ("sanitized_acc_number", "=", compact)], limit=1)
        if account:
            return account, "unchanged"
        values = {
            "partner_id": partner.id,
            "acc_number": pretty_iban(compact),
            "acc_holder_name": holder or partner.name,
        }
        return accounts.create(values), "created"
