"""Every request we make, as data: where it goes, and whether repeating it is harmless."""

from dataclasses import dataclass

from .wire import READ_TIMEOUT, WRITE_TIMEOUT


@dataclass(frozen=True)
class Operation:
    """One operation of the contract.

    :param scope: the permission PAYT asks for (docs: authentication/scopes)
    :param repeatable: sending it twice leaves PAYT as sending it once does. Anything else is only sent again when PAYT
        certainly did nothing (429, 401, no connection).
    :param form: the body is form-encoded, not JSON. For these the description knows no other media type.
    """

    method: str
    path: str
    scope: str
    repeatable: bool = True
    form: bool = False

    @property
    def timeout(self) -> tuple[float, float]:
        """Seconds to connect, seconds to wait for an answer."""
        return READ_TIMEOUT if self.method == "GET" else WRITE_TIMEOUT

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


ADMINISTRATIONS = Operation("GET", "/v1/administrations", "administrations:read")
ADMINISTRATION = Operation("GET", "/v1/administrations/{administration_id}", "administrations:read")

# upserts on a natural key: sending them again updates what the first one made
UPSERT_VAT_RATES = Operation("POST", "/v1/vat_rates", "vat_rates:write")
UPSERT_PAYMENT_CONDITIONS = Operation("POST", "/v1/payment_conditions", "payment_conditions:write")
UPSERT_CONTACTS = Operation("POST", "/v1/contacts", "contacts:write")
UPSERT_DEBTORS = Operation("POST", "/v1/debtors", "debtors:write")
UPSERT_INVOICES = Operation("POST", "/v1/invoices", "invoices:write")
UPDATE_INVOICES = Operation("PATCH", "/v1/invoices", "invoices:write")
ANNOUNCE_FILES = Operation("POST", "/v1/files", "files:write")
BLOCK_INVOICES = Operation("PATCH", "/v1/invoices/block", "invoices:write", form=True)
RESUME_INVOICES = Operation("PATCH", "/v1/invoices/resume", "invoices:write", form=True)
# a mandate revoked already is reported as not found, which is as good
REVOKE_PSP_MANDATES = Operation("DELETE", "/v1/psp_mandates", "psp_mandates:write")

# what makes something new, or moves it along once
CREATE_PSP_MANDATES = Operation("POST", "/v1/psp_mandates", "psp_mandates:write", repeatable=False)
CREATE_PAYMENT_PLAN = Operation("POST", "/v1/payment_plans", "payment_plans:write", repeatable=False)
APPROVE_PAYMENT_PLAN = Operation(
    "PATCH", "/v1/payment_plans/{id}/approve", "payment_plans:write", repeatable=False, form=True
)
REJECT_PAYMENT_PLAN = Operation(
    "PATCH", "/v1/payment_plans/{id}/reject", "payment_plans:write", repeatable=False, form=True
)
DEACTIVATE_PAYMENT_PLAN = Operation(
    "PATCH", "/v1/payment_plans/{id}/deactivate", "payment_plans:write", repeatable=False, form=True
)


@dataclass(frozen=True)
class Listing:
    """A list that can be read page by page.

    :param filters: query parameters that take a comma-separated list, and others, besides those every list has
    :param incremental: knows ``updated_after``
    :param selectable: knows ``fields``
    """

    name: str
    lists: frozenset[str] = frozenset()
    others: frozenset[str] = frozenset()
    incremental: bool = True
    selectable: bool = True

    @property
    def operation(self) -> Operation:
        return Operation("GET", f"/v1/{self.name}", f"{self.name}:read")

    @property
    def deleted(self) -> Operation:
        return Operation("GET", f"/v1/{self.name}/deleted", f"{self.name}:read")


def _listing(name: str, *lists: str, others: tuple[str, ...] = (), **known: bool) -> tuple[str, Listing]:
    return name, Listing(name, frozenset(lists), frozenset(others), **known)


LISTINGS: dict[str, Listing] = dict(
    [
        _listing("contacts", "ids", "contact_identifiers", "debtor_numbers"),
        _listing("credit_cases", "ids"),
        _listing("debtors", "ids", "debtor_numbers", "debtor_identifiers"),
        _listing(
            "invoices",
            *("ids", "invoice_numbers", "invoice_identifiers", "debtor_ids", "debtor_numbers", "debtor_identifiers"),
            "credit_case_ids",
            others=("paid", "book_amount_total_lte", "book_amount_total_gte", "order"),
        ),
        _listing("notes", "ids", "debtor_ids", "invoice_ids", "credit_case_ids"),
        _listing("notifications", "ids", "debtor_ids", "invoice_ids", "credit_case_ids"),
        _listing("payments", "ids", "invoice_identifiers", "invoice_numbers", "credit_case_ids", "credit_case_numbers"),
        _listing("payment_plans", "ids", "debtor_numbers", "debtor_identifiers"),
        _listing("psp_mandates", "ids", "debtor_ids", "debtor_numbers"),
        _listing("psp_transactions", "ids", "payment_methods", "statuses"),
        _listing("vat_rates", incremental=False, selectable=False),
    ]
)

# the lists that also say what was deleted in the last 90 days
WITH_DELETED = frozenset({"credit_cases", "invoices", "payments", "payment_plans", "psp_mandates"})
