"""Every request we make, as data: where it goes, what it carries, and whether repeating it is harmless.

The payload of a kind of record stands with its operations, field by field as PAYT's description has it (a test compares
the two). Left out on purpose: ``gender`` of a contact, whose allowed values the description garbles so that any value
is refused.
"""

from dataclasses import dataclass
from typing import Annotated, Literal, NotRequired, TypedDict

from .kinds import Checksum, Country, Currency, Day, Kind, Moment, Money, Number
from .wire import READ_TIMEOUT, WRITE_TIMEOUT


@dataclass(frozen=True)
class Operation:
    """One operation of the contract.

    :param scope: the permission PAYT asks for (docs: authentication/scopes)
    :param carries: the property under which the records of a write go, or their identifiers; "": a single record is
        the body itself
    :param payload: type of a record; ``None``: nothing but identifiers goes
    :param key: property of the record that holds our identifier, for writes of many
    :param repeatable: sending it twice leaves PAYT as sending it once does. Anything else is only sent again when PAYT
        certainly did nothing (429, 401, no connection).
    :param form: the body is form-encoded, not JSON. For these the description knows no other media type.
    """

    method: str
    path: str
    scope: str
    carries: str = ""
    payload: type | None = None
    key: str = ""
    repeatable: bool = True
    form: bool = False

    @property
    def timeout(self) -> tuple[float, float]:
        """Seconds to connect, seconds to wait for an answer."""
        return READ_TIMEOUT if self.method == "GET" else WRITE_TIMEOUT

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


# === VAT RATES: invoice lines refer to them

VatCategory = Literal["regular", "zero", "none", "exempt", "reversed", "export", "export_within_eea"]


class VatRatePayload(TypedDict):
    """Key: ``code``. Rate and name are "required on creation", so always."""

    code: str
    rate: Number  # percentage, as text
    name: str
    category: NotRequired[VatCategory]


UPSERT_VAT_RATES = Operation("POST", "/v1/vat_rates", "vat_rates:write", "vat_rates", VatRatePayload, key="code")

# === CONTACTS: debtors refer to them


class ContactPayload(TypedDict):
    """Key: ``contact_identifier``, optional in the description; without it PAYT would make a new contact each time."""

    contact_identifier: str
    id: NotRequired[str]
    birth_date: NotRequired[Day]
    call_phone_number: NotRequired[str]
    default_email_address: NotRequired[str]
    firstname: NotRequired[str]
    infix: NotRequired[str]
    invoice_email_address: NotRequired[str]
    invoice_cc_email_address: NotRequired[str]
    invoice_bcc_email_address: NotRequired[str]
    lastname: NotRequired[str]
    middlename: NotRequired[str]
    postal_address_street_1: NotRequired[str]
    postal_address_street_2: NotRequired[str]
    postal_address_postal_code: NotRequired[str]
    postal_address_city: NotRequired[str]
    postal_address_country_code: NotRequired[Country]
    postal_address_region: NotRequired[str]
    prefix: NotRequired[str]
    reminder_email_address: NotRequired[str]
    reminder_cc_email_address: NotRequired[str]
    reminder_bcc_email_address: NotRequired[str]
    sms_phone_number: NotRequired[str]


UPSERT_CONTACTS = Operation(
    "POST", "/v1/contacts", "contacts:write", "contacts", ContactPayload, key="contact_identifier"
)

# === DEBTORS


class DebtorPayload(TypedDict):
    """Key: ``debtor_number``. Labels given replace all; labels left out stay."""

    debtor_number: str
    name: str
    debtor_identifier: str
    bank_account_name: NotRequired[str]
    bank_account_number: NotRequired[str]
    category: NotRequired[str]
    coc_number: NotRequired[str]
    contact_identifier: NotRequired[str]
    country_code: NotRequired[Country]
    language_code: NotRequired[str]
    oin_number: NotRequired[str]
    peppol_identifier: NotRequired[str]
    relation_manager: NotRequired[str]
    remark: NotRequired[str]
    vat_number: NotRequired[str]
    is_company: NotRequired[bool]
    peppol_enabled: NotRequired[Annotated[bool | None, Kind.NULLABLE]]  # null: as the administration has it
    labels: NotRequired[list[str]]


UPSERT_DEBTORS = Operation("POST", "/v1/debtors", "debtors:write", "debtors", DebtorPayload, key="debtor_number")

# === FILES: invoices refer to them


class FilePayload(TypedDict):
    """Key: ``checksum``."""

    byte_size: int
    checksum: Checksum
    content_type: str


ANNOUNCE_FILES = Operation("POST", "/v1/files", "files:write", "files", FilePayload)

# === INVOICES: debtors, VAT rates and files have to be there

InvoicePaymentMethod = Literal["bank_transfer", "direct_debit", "cash", "none", "unknown"]
CostType = Literal["principal", "administration_costs", "interest_costs", "debt_collection_costs"]
TransactionType = Literal["credit", "payment", "reversal", "revaluation", "settlement", "write_off"]


class DocumentPayload(TypedDict):
    """A file of an invoice, by checksum; or, with ``destroy``, its removal."""

    checksum: NotRequired[Checksum]
    filename: NotRequired[str]
    destroy: NotRequired[bool]


class PaymentPayload(TypedDict):
    """Key: ``origin_identifier``, unique in the administration. A list of these is the whole list, oldest first."""

    amount: Money  # in the invoice's currency
    origin_identifier: str
    cost_type: NotRequired[CostType]
    payment_date: NotRequired[Day]  # left out: PAYT takes today
    transaction_type: NotRequired[TransactionType]
    book_amount: NotRequired[Money]  # in the administration's currency
    description: NotRequired[str]
    payment_method: NotRequired[str]
    reversal_code: NotRequired[str]


class InvoiceLinePayload(TypedDict):
    """Lines given replace all. One of the totals, or both, must be there."""

    description: str
    vat_rate_code: str
    total_excl_tax_amount: NotRequired[Money]
    total_incl_tax_amount: NotRequired[Money]
    product_price: NotRequired[Money]  # a price in parts of a cent can't be told: leave it out
    product_unit: NotRequired[str]
    product_quantity: NotRequired[Number]
    vat_percentage: NotRequired[Number]
    vat_amount: NotRequired[Money]
    line_order: NotRequired[int]


class InvoicePayload(TypedDict):
    """Key: ``invoice_number``, unique in one administration. ``book_*``: its currency.

    ``sent_at`` given: PAYT doesn't send the invoice. ``payments`` left out while the open amount changes: PAYT invents
    one.
    """

    currency_code: Currency
    invoice_number: str
    invoice_date: Day
    due_date: Day
    book_amount_total: Money
    book_amount_open: Money
    amount_open: Money
    amount_total: Money
    invoice_lines: NotRequired[list[InvoiceLinePayload]]
    invoice_identifier: NotRequired[str]
    debtor_number: NotRequired[str]
    debtor_identifier: NotRequired[str]
    order_number: NotRequired[str]
    peppol_identifier: NotRequired[str]
    description: NotRequired[str]
    category: NotRequired[str]
    contact_identifier: NotRequired[str]
    payment_condition: NotRequired[str]
    payment_method: NotRequired[InvoicePaymentMethod]
    sent_at: NotRequired[Moment]
    labels: NotRequired[list[str]]
    payment_term: NotRequired[int]
    document: NotRequired[DocumentPayload]
    ubl_document: NotRequired[DocumentPayload]
    payments: NotRequired[list[PaymentPayload]]


class InvoiceUpdatePayload(TypedDict):
    """What isn't given stays as it is, so that nothing need be said of its money."""

    invoice_number: str
    currency_code: NotRequired[Currency]
    book_amount_total: NotRequired[Money]
    book_amount_open: NotRequired[Money]
    amount_open: NotRequired[Money]
    amount_total: NotRequired[Money]
    payments: NotRequired[list[PaymentPayload]]
    invoice_date: NotRequired[Day]
    due_date: NotRequired[Day]
    invoice_identifier: NotRequired[str]
    debtor_number: NotRequired[str]
    debtor_identifier: NotRequired[str]
    order_number: NotRequired[str]
    peppol_identifier: NotRequired[str]
    description: NotRequired[str]
    category: NotRequired[str]
    contact_identifier: NotRequired[str]
    payment_condition: NotRequired[str]
    payment_method: NotRequired[InvoicePaymentMethod]
    sent_at: NotRequired[Moment]
    labels: NotRequired[list[str]]
    payment_term: NotRequired[int]
    document: NotRequired[DocumentPayload]
    ubl_document: NotRequired[DocumentPayload]


UPSERT_INVOICES = Operation("POST", "/v1/invoices", "invoices:write", "invoices", InvoicePayload, key="invoice_number")
UPDATE_INVOICES = Operation(
    "PATCH", "/v1/invoices", "invoices:write", "invoices", InvoiceUpdatePayload, key="invoice_number"
)
BLOCK_INVOICES = Operation("PATCH", "/v1/invoices/block", "invoices:write", "invoice_numbers", form=True)
# PAYT only resumes what was blocked through the API
RESUME_INVOICES = Operation("PATCH", "/v1/invoices/resume", "invoices:write", "invoice_numbers", form=True)

# === MANDATES

Provider = Literal["mollie", "twikey"]


class PspMandatePayload(TypedDict):
    """A signed mandate at the payment provider. ``debtor_code`` is what is ``debtor_number`` elsewhere."""

    bank_account_name: str
    bank_account_number: str
    provider_code: Provider
    mandate_identifier: NotRequired[str]
    debtor_code: NotRequired[str]
    debtor_id: NotRequired[str]
    customer_identifier: NotRequired[str]  # Mollie only
    mandate_reference: NotRequired[str]  # unique in the administration


# made one at a time: PAYT documents no answer by record. After PaytUnknownOutcome look for its ``mandate_reference``.
CREATE_PSP_MANDATES = Operation(
    "POST", "/v1/psp_mandates", "psp_mandates:write", "psp_mandates", PspMandatePayload, repeatable=False
)
# PAYT has the provider revoke them. One revoked already is reported as not found, which is as good.
REVOKE_PSP_MANDATES = Operation("DELETE", "/v1/psp_mandates", "psp_mandates:write", "mandate_references")

# === PAYMENT PLANS


class PlanTermPayload(TypedDict):
    """A term of a payment plan. Its amount is a JSON number, unlike all other money."""

    amount: float
    due_date: Day


class PaymentPlanPayload(TypedDict):
    """An approved plan. PAYT's administration is filled in by the client."""

    terms: list[PlanTermPayload]
    cc_email_address: NotRequired[str]
    invoice_numbers: NotRequired[list[str]]
    invoice_identifiers: NotRequired[list[str]]
    credit_case_numbers: NotRequired[list[str]]


# after PaytUnknownOutcome look for a plan of this debtor with these terms
CREATE_PAYMENT_PLAN = Operation(
    "POST", "/v1/payment_plans", "payment_plans:write", payload=PaymentPlanPayload, repeatable=False
)
# after PaytUnknownOutcome the plan's ``approved_at``, ``rejected_at`` or ``deactivated_at`` tells
APPROVE_PAYMENT_PLAN = Operation(
    "PATCH", "/v1/payment_plans/{id}/approve", "payment_plans:write", repeatable=False, form=True
)
REJECT_PAYMENT_PLAN = Operation(
    "PATCH", "/v1/payment_plans/{id}/reject", "payment_plans:write", repeatable=False, form=True
)
DEACTIVATE_PAYMENT_PLAN = Operation(
    "PATCH", "/v1/payment_plans/{id}/deactivate", "payment_plans:write", repeatable=False, form=True
)

# === READING

ADMINISTRATIONS = Operation("GET", "/v1/administrations", "administrations:read")
ADMINISTRATION = Operation("GET", "/v1/administrations/{administration_id}", "administrations:read")


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
        _listing("messages", "ids", "debtor_ids", "invoice_ids", "credit_case_ids"),
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

# all of them but the lists'
OPERATIONS = tuple(value for value in list(globals().values()) if isinstance(value, Operation))
# the permissions to ask for when a person grants access
SCOPES = tuple(sorted({found.scope for found in (*OPERATIONS, *(each.operation for each in LISTINGS.values()))}))
