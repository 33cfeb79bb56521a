"""What PAYT's lists hold about money on its way: payments, provider, plans, credit cases. See :mod:`.entities`."""

from typing import TypedDict


class Label(TypedDict, total=False):
    """A word on a debtor, invoice or case."""

    name: str | None


class User(TypedDict, total=False):
    """A person at PAYT."""

    id: str | None
    name: str | None
    email_address: str | None


class PspTransaction(TypedDict, total=False):
    """What the payment provider did, or tries to."""

    bank_account_name: str | None
    bank_account_number: str | None
    currency_code: str | None
    invoice_ids: list[str] | None
    payment_method: str | None
    reversal_code: str | None
    status: str | None
    amount: str | None
    book_amount: str | None
    administration_id: str | None
    debtor_id: str | None
    id: str | None
    paid_at: str | None
    updated_at: str | None


class BankTransaction(TypedDict, total=False):
    """A line of a bank statement PAYT read."""

    bank_account_name: str | None
    bank_account_number: str | None
    description: str | None
    currency_code: str | None
    exchange_rate: str | None
    payment_method: str | None
    amount: str | None
    book_amount: str | None
    id: str | None
    book_date: str | None


class CreditCase(TypedDict, total=False):
    """The collection of one or more invoices, with its costs and interest."""

    labels: list[Label] | None  # on request
    case_number: str | None
    public_url: str | None  # on request
    deeplink_url: str | None  # on request
    credit_case_number: str | None
    currency_code: str | None
    administration_id: str | None
    debt_collection_costs: str | None
    open_interest_and_collection_costs: str | None  # on request
    total_amount: str | None
    open_amount: str | None
    id: str | None
    interest_costs: str | None
    internal_note_email_address: str | None  # on request
    debtor_id: str | None
    payment_plan_id: str | None  # deprecated
    active_payment_plan_id: str | None
    forwarded_to_bailiff_at: str | None
    latest_summons_at: str | None
    notice_of_default_at: str | None
    pre_judicial_at: str | None
    pre_summons_at: str | None
    paused_at: str | None
    deactivated_at: str | None
    first_summons_at: str | None  # deprecated
    summons_1_at: str | None
    summons_2_at: str | None
    summons_3_at: str | None
    summons_4_at: str | None
    started_at: str | None
    updated_at: str | None


class Payment(TypedDict, total=False):
    """On an invoice. Has no ``origin_identifier``: our own are not told apart by it."""

    administration_id: str | None
    id: str | None
    cost_type: str | None
    description: str | None
    reason: str | None
    reversal_code: str | None
    transaction_type: str | None
    invoice_id: str | None
    payment_method: str | None
    updated_at: str | None
    total_amount: str | None
    total_book_amount: str | None
    payment_date: str | None
    psp_transaction: PspTransaction | None  # on request
    bank_transaction: BankTransaction | None  # on request


class PlannedPayment(TypedDict, total=False):
    """A term of a payment plan."""

    id: str | None
    total_amount: str | None
    amount_due: str | None
    due_date: str | None
    payment_date: str | None


class PaymentPlan(TypedDict, total=False):
    """Betalingsregeling."""

    payment_terms: list[PlannedPayment] | None
    active: bool | None
    auto_activated: bool | None
    reason: str | None
    rejected_by_user: User | None
    administration_id: str | None
    debtor_id: str | None
    id: str | None
    approved_at: str | None
    created_at: str | None
    deactivated_at: str | None
    updated_at: str | None
    proposed_at: str | None
    rejected_at: str | None
    public_url: str | None  # on request


class PspMandate(TypedDict, total=False):
    """A mandate at the payment provider."""

    administration_id: str | None
    bank_account_name: str | None
    bank_account_number: str | None
    debtor_id: str | None
    id: str | None
    mandate_identifier: str | None
    mandate_reference: str | None
    provider: str | None
    debtor_number: str | None  # on request
    updated_at: str | None
    deactivated_at: str | None
