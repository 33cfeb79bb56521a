"""What PAYT is told about: a row for each kind of record."""

from dataclasses import dataclass
from typing import Any

from ..payt_api import operations as op
from ..payt_api.wire import MAX_RECORDS_PER_WRITE
from .writes import ByNumber, Create, CreateMandates, Look, Step, Upsert, UpsertInvoices


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A kind of record that PAYT is told about.

    What a record does itself is a method of its models, given by name:

    :param name: of the resource, as rows of the outbox have it
    :param label: of the resource, for users
    :param models: of the records, which inherit ``payt.record.mixin`` or have its ``_get_payt_backend``
    :param payload: ``(backend)`` gives what PAYT gets; ``None``: nothing to send any more. Raises ``UserError`` or
        ``PaytPayloadInvalid`` about what a person has to mend
    :param key: ``()`` gives our identifier, by which PAYT's answer names the record
    :param taken: ``(backend, answer)`` PAYT has it. ``answer``: ``warnings``, or ``unchanged``, ``not_found`` (revoked
        before), or what PAYT made
    :param refused: ``(backend, reasons)`` PAYT's messages, or ours
    :param files: ``()`` gives the documents that have to be at PAYT before: list of (name, mimetype, bytes)
    :param write: how it is sent: an object of ``writes.py``, which names the operation of ``payt_api/operations.py``
    :param instead: ``()`` gives what PAYT is to have in fields that are empty here and can't be empty there, once it
        had something in them: dict
    :param batch_size: records per job. A job has to end well within Odoo's limit of 120 seconds for a request
    :param is_always_sent: saying it again with the same payload is never superfluous, as something else may have
        undone it in between
    """

    name: str
    label: str
    models: tuple[str, ...]
    payload: str
    key: str
    taken: str
    refused: str
    write: Any
    files: str = ""
    instead: str = ""
    batch_size: int = MAX_RECORDS_PER_WRITE
    is_always_sent: bool = False


def _is_blocked(invoices):
    return any(invoice.get("paused_at") for invoice in invoices)


def _is_resumed(invoices):
    return bool(invoices) and not _is_blocked(invoices)


def _is_revoked(mandates):
    return all(mandate.get("deactivated_at") for mandate in mandates)


def _is_approved(plan):
    return bool(plan.get("approved_at") or plan.get("active"))


def _is_rejected(plan):
    return bool(plan.get("rejected_at"))


def _is_ended(plan):
    """A plan that was in force and isn't any more; PAYT may not say since when."""
    return bool(plan.get("deactivated_at") or (plan.get("approved_at") and plan.get("active") is False))


PAUSED = ("invoice_number", "paused_at")
# In the order that works: each may refer to what stands before it
ROWS = (
    Resource(
        name="vat_rate",
        label="VAT rate",
        models=("account.tax", "res.company"),
        payload="_prepare_payt_vat_rate",
        key="_get_payt_key_vat_rate",
        taken="_payt_taken_vat_rate",
        refused="_payt_refused_vat_rate",
        write=Upsert(op.UPSERT_VAT_RATES),
    ),
    Resource(
        name="contact",
        label="Contact",
        models=("res.partner",),
        payload="_prepare_payt_contact",
        key="_get_payt_key_contact",
        taken="_payt_taken_contact",
        refused="_payt_refused_contact",
        write=Upsert(op.UPSERT_CONTACTS),
    ),
    Resource(
        name="debtor",
        label="Debtor",
        models=("res.partner",),
        payload="_prepare_payt_debtor",
        key="_get_payt_key_debtor",
        taken="_payt_taken_debtor",
        refused="_payt_refused_debtor",
        write=Upsert(op.UPSERT_DEBTORS),
    ),
    Resource(
        name="invoice",
        label="Invoice",
        models=("account.move",),
        payload="_prepare_payt_invoice",
        key="_get_payt_key_invoice",
        taken="_payt_taken_invoice",
        refused="_payt_refused_invoice",
        write=UpsertInvoices(op.UPSERT_INVOICES, update=op.UPDATE_INVOICES),
        files="_get_payt_files",
        instead="_get_payt_instead_invoice",
        batch_size=200,  # each costs two uploads
    ),
    Resource(
        name="psp_mandate",
        label="Mandate",
        models=("account.banking.mandate",),
        payload="_prepare_payt_psp_mandate",
        key="_get_payt_key_psp_mandate",
        taken="_payt_taken_psp_mandate",
        refused="_payt_refused_psp_mandate",
        write=CreateMandates(op.CREATE_PSP_MANDATES),
        batch_size=100,  # each costs a request
    ),
    Resource(
        name="psp_mandate_revocation",
        label="Revoked mandate",
        models=("account.banking.mandate",),
        payload="_prepare_payt_psp_mandate_revocation",
        key="_get_payt_key_psp_mandate",
        taken="_payt_taken_psp_mandate_revocation",
        refused="_payt_refused_psp_mandate_revocation",
        write=ByNumber(
            op.REVOKE_PSP_MANDATES,
            is_unknown_fine=True,
            look=Look("psp_mandates", "debtor_numbers", "mandate_reference", _is_revoked, asked="debtor_code"),
        ),
        is_always_sent=True,
    ),
    Resource(
        name="invoice_block",
        label="Follow-up blocked",
        models=("account.move",),
        payload="_prepare_payt_invoice_block",
        key="_get_payt_key_invoice",
        taken="_payt_taken_invoice_block",
        refused="_payt_refused_invoice_block",
        write=ByNumber(
            op.BLOCK_INVOICES, look=Look("invoices", "invoice_numbers", "invoice_number", _is_blocked, fields=PAUSED)
        ),
        is_always_sent=True,
    ),
    Resource(
        name="invoice_resume",
        label="Follow-up resumed",
        models=("account.move",),
        payload="_prepare_payt_invoice_resume",
        key="_get_payt_key_invoice",
        taken="_payt_taken_invoice_resume",
        refused="_payt_refused_invoice_resume",
        write=ByNumber(
            op.RESUME_INVOICES, look=Look("invoices", "invoice_numbers", "invoice_number", _is_resumed, fields=PAUSED)
        ),
        is_always_sent=True,
    ),
    Resource(
        name="payment_plan",
        label="Payment plan",
        models=("bfocused.payment.arrangement",),
        payload="_prepare_payt_payment_plan",
        key="_get_payt_key_payment_plan",
        taken="_payt_taken_payment_plan",
        refused="_payt_refused_payment_plan",
        write=Create(op.CREATE_PAYMENT_PLAN, listing="payment_plans", find="_find_payt_plan"),
        batch_size=100,
    ),
    Resource(
        name="payment_plan_approval",
        label="Payment plan approved",
        models=("bfocused.payment.arrangement",),
        payload="_prepare_payt_payment_plan_approval",
        key="_get_payt_key_payment_plan_step",
        taken="_payt_taken_payment_plan_approval",
        refused="_payt_refused_payment_plan",
        write=Step(op.APPROVE_PAYMENT_PLAN, listing="payment_plans", is_done=_is_approved),
        batch_size=100,
    ),
    Resource(
        name="payment_plan_rejection",
        label="Payment plan rejected",
        models=("bfocused.payment.arrangement",),
        payload="_prepare_payt_payment_plan_rejection",
        key="_get_payt_key_payment_plan_step",
        taken="_payt_taken_payment_plan_rejection",
        refused="_payt_refused_payment_plan",
        write=Step(op.REJECT_PAYMENT_PLAN, listing="payment_plans", is_done=_is_rejected),
        batch_size=100,
    ),
    Resource(
        name="payment_plan_end",
        label="Payment plan ended",
        models=("bfocused.payment.arrangement",),
        payload="_prepare_payt_payment_plan_end",
        key="_get_payt_key_payment_plan_step",
        taken="_payt_taken_payment_plan_end",
        refused="_payt_refused_payment_plan",
        write=Step(op.DEACTIVATE_PAYMENT_PLAN, listing="payment_plans", is_done=_is_ended, is_gone_fine=True),
        batch_size=100,
    ),
)
RESOURCES = {row.name: row for row in ROWS}


def get_rank(name):
    """The place of a resource in the order that works."""
    return list(RESOURCES).index(name)
