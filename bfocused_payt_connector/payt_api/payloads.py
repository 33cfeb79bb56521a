"""The bodies of our requests, field by field as PAYT's description has them (a test compares the two).

Which text a text is, money or day, is not in the description but in the vendor's prose; it stands here as an annotation
and :mod:`.guard` writes and checks values by it. Left out on purpose: ``gender`` of a contact, whose allowed values the
description garbles so that any value is refused.
"""

from enum import Enum
from typing import Annotated, Literal, NotRequired, TypedDict

from .wire import CHECKSUM_LENGTH


class Kind(Enum):
    """What a text holds."""

    MONEY = "money"
    NUMBER = "number"
    DAY = "day"
    MOMENT = "moment"
    CHECKSUM = f"checksum of {CHECKSUM_LENGTH} characters"
    COUNTRY = "country code (ISO 3166, two letters)"
    CURRENCY = "currency code (ISO 4217, three letters)"
    NULLABLE = "may be null"


Money = Annotated[str, Kind.MONEY]
Number = Annotated[str, Kind.NUMBER]
Day = Annotated[str, Kind.DAY]
Moment = Annotated[str, Kind.MOMENT]
Checksum = Annotated[str, Kind.CHECKSUM]
Country = Annotated[str, Kind.COUNTRY]
Currency = Annotated[str, Kind.CURRENCY]

VatCategory = Literal["regular", "zero", "none", "exempt", "reversed", "export", "export_within_eea"]
InvoicePaymentMethod = Literal["bank_transfer", "direct_debit", "cash", "none", "unknown"]
CostType = Literal["principal", "administration_costs", "interest_costs", "debt_collection_costs"]
TransactionType = Literal["credit", "payment", "reversal", "revaluation", "settlement", "write_off"]
Provider = Literal["mollie", "twikey"]


class VatRatePayload(TypedDict):
    """Key: ``code``. Rate and name are "required on creation", so always."""

    code: str
    rate: Number  # percentage, as text
    name: str
    category: NotRequired[VatCategory]


class PaymentConditionPayload(TypedDict):
    """Key: ``code``."""

    code: str
    name: str


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


class FilePayload(TypedDict):
    """Key: ``checksum``."""

    byte_size: int
    checksum: Checksum
    content_type: str


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


class _InvoiceOptions(TypedDict):
    """What creating and updating an invoice have in common.

    ``sent_at`` given: PAYT doesn't send the invoice. ``payments`` left out while the open amount changes: PAYT invents
    one.
    """

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


class InvoicePayload(_InvoiceOptions):
    """``POST /v1/invoices``. Key: ``invoice_number``, unique in one administration. ``book_*``: its currency."""

    currency_code: Currency
    invoice_number: str
    invoice_date: Day
    due_date: Day
    book_amount_total: Money
    book_amount_open: Money
    amount_open: Money
    amount_total: Money
    invoice_lines: NotRequired[list[InvoiceLinePayload]]


class InvoiceUpdatePayload(_InvoiceOptions):
    """``PATCH /v1/invoices``: an invoice PAYT has. Unknown ones come back under ``not_found``. No lines here."""

    invoice_number: str
    currency_code: NotRequired[Currency]
    invoice_date: NotRequired[Day]
    due_date: NotRequired[Day]
    book_amount_total: NotRequired[Money]
    book_amount_open: NotRequired[Money]
    amount_open: NotRequired[Money]
    amount_total: NotRequired[Money]


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
