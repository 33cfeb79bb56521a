"""PAYT's Customer API v1 for one administration."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Self

from . import operations as op
from .auth import PaytAuth
from .backoff import Backoff
from .bulk import BulkWrite, guard_all, in_parts
from .errors import PaytError, PaytRejected, PaytTemporary, PaytUnknownOutcome
from .files import FileReport, PaytFile, read_missing
from .guard import guarded
from .payloads import (
    ContactPayload,
    DebtorPayload,
    FilePayload,
    InvoicePayload,
    InvoiceUpdatePayload,
    PaymentConditionPayload,
    PaymentPlanPayload,
    PspMandatePayload,
    VatRatePayload,
)
from .reading import Reading
from .results import BulkResult, read_answer
from .throttle import Throttle
from .transport import Transport

Records = Iterable[Mapping[str, Any]]


class PaytClient(Reading):
    """A session with PAYT, used for a batch and then closed::

        with PaytClient(base_url, auth=PaytAuth(get_token), administration_id="81", throttle=throttle) as client:
            result = client.upsert_invoices(payloads)

    Every method may raise each kind of :class:`~.errors.PaytError`. Bulk writes return a :class:`BulkResult` by our
    key; records that break the contract are refused there too, before anything is sent.

    :param administration_id: PAYT's id of the administration; may be left out to look for it (``administrations``)
    :param throttle: shared by all who use the token; without one, only this client keeps to the limit
    """

    def __init__(
        self,
        base_url: str,
        *,
        auth: PaytAuth,
        administration_id: str | int = "",
        throttle: Throttle | None = None,
        backoff: Backoff | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._transport = Transport(base_url, auth=auth, throttle=throttle, backoff=backoff, sleep=sleep)
        self._given_administration_id = str(administration_id or "")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        self._transport.close()

    @property
    def clock_difference(self) -> timedelta | None:
        """PAYT's clock minus ours, to the second, as of the last answer; None before the first."""
        return self._transport.clock_difference

    @property
    def requests_sent(self) -> int:
        """Requests so far, uploads and repeated ones included."""
        return self._transport.requests_sent

    # === WHAT IS KEYED BY OUR IDENTIFIERS; SENDING IT AGAIN IS HARMLESS

    def upsert_vat_rates(self, records: Records) -> BulkResult:
        """By ``code``. They come first: invoice lines refer to them."""
        return self._upsert(op.UPSERT_VAT_RATES, "vat_rates", VatRatePayload, "code", records)

    def upsert_payment_conditions(self, records: Records) -> BulkResult:
        """By ``code``."""
        return self._upsert(
            op.UPSERT_PAYMENT_CONDITIONS, "payment_conditions", PaymentConditionPayload, "code", records
        )

    def upsert_contacts(self, records: Records) -> BulkResult:
        """By ``contact_identifier``. They come before the debtors that refer to them."""
        return self._upsert(op.UPSERT_CONTACTS, "contacts", ContactPayload, "contact_identifier", records)

    def upsert_debtors(self, records: Records) -> BulkResult:
        """By ``debtor_number``."""
        return self._upsert(op.UPSERT_DEBTORS, "debtors", DebtorPayload, "debtor_number", records)

    def upsert_invoices(self, records: Records) -> BulkResult:
        """By ``invoice_number``. Debtors, VAT rates and documents have to be there."""
        return self._upsert(op.UPSERT_INVOICES, "invoices", InvoicePayload, "invoice_number", records)

    def update_invoices(self, records: Records) -> BulkResult:
        """Change some fields of invoices PAYT has; unknown ones are refused as ``not_found``."""
        return self._upsert(op.UPDATE_INVOICES, "invoices", InvoiceUpdatePayload, "invoice_number", records)

    def block_invoices(self, invoice_numbers: Iterable[str]) -> BulkResult:
        """Stop PAYT's follow-up of invoices."""
        return self._by_number(op.BLOCK_INVOICES, "invoice_numbers", invoice_numbers)

    def resume_invoices(self, invoice_numbers: Iterable[str]) -> BulkResult:
        """Take up the follow-up again. PAYT only resumes what was blocked through the API."""
        return self._by_number(op.RESUME_INVOICES, "invoice_numbers", invoice_numbers)

    def revoke_psp_mandates(self, mandate_references: Iterable[str]) -> BulkResult:
        """Deactivate mandates by our reference; PAYT then has the provider revoke them."""
        return self._by_number(op.REVOKE_PSP_MANDATES, "mandate_references", mandate_references)

    # === FILES

    def upload_files(self, files: Iterable[PaytFile]) -> FileReport:
        """Make sure that PAYT has these files. The same file twice is uploaded once.

        One that fails stops no other: its error is in the report. An address PAYT no longer takes counts as a failure;
        announcing the file again gives a new one.

        :raise PaytError: when they can't be announced, or PAYT takes no upload at all any more
        """
        report = FileReport()
        by_checksum = {file.checksum: file for file in files}
        for keys in in_parts(list(by_checksum)):
            missing = self._announce([by_checksum[key] for key in keys])
            for key in keys:
                if key not in missing:
                    report.present.append(key)
                else:
                    self._upload(by_checksum[key], missing[key], report)
        return report

    def _announce(self, files: Sequence[PaytFile]) -> dict[str, str]:
        payloads = [
            guarded(
                FilePayload,
                {"byte_size": file.byte_size, "checksum": file.checksum, "content_type": file.content_type},
            )
            for file in files
        ]
        return read_missing(self._write(op.ANNOUNCE_FILES, {"files": payloads}))

    def _upload(self, file: PaytFile, url: str, report: FileReport) -> None:
        try:
            self._transport.upload(url, file.content(), file.content_type)
        except PaytTemporary as error:
            # the others would fail as well, each after all its attempts
            report.failed[file.checksum] = error
            error.partial = report
            raise
        except PaytError as error:
            report.failed[file.checksum] = error
        else:
            report.uploaded.append(file.checksum)

    # === WHAT MUST NOT BE SENT TWICE

    def create_psp_mandate(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """Hand over a signed mandate. One at a time: PAYT documents no answer by record.

        :return: the mandate as PAYT has it
        :raise PaytUnknownOutcome: the answer was lost: look for its ``mandate_reference`` with ``iter_pages`` first
        """
        payload = guarded(PspMandatePayload, record)
        return _single(self._write(op.CREATE_PSP_MANDATES, {"psp_mandates": [payload]}))

    def create_payment_plan(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """Make an approved plan.

        :raise PaytUnknownOutcome: the answer was lost: look for a plan of this debtor with these terms first
        """
        return _single(self._write(op.CREATE_PAYMENT_PLAN, guarded(PaymentPlanPayload, record)))

    def approve_payment_plan(self, plan_id: str) -> dict[str, Any]:
        """Agree with a plan the debtor proposed. After PaytUnknownOutcome its ``approved_at`` tells."""
        return _single(self._write(op.APPROVE_PAYMENT_PLAN, {}, path={"id": plan_id}))

    def reject_payment_plan(self, plan_id: str) -> dict[str, Any]:
        """Refuse a plan the debtor proposed. After PaytUnknownOutcome its ``rejected_at`` tells."""
        return _single(self._write(op.REJECT_PAYMENT_PLAN, {}, path={"id": plan_id}))

    def deactivate_payment_plan(self, plan_id: str) -> dict[str, Any]:
        """End an active plan. After PaytUnknownOutcome its ``deactivated_at`` tells."""
        return _single(self._write(op.DEACTIVATE_PAYMENT_PLAN, {}, path={"id": plan_id}))

    # === COMMON TO WRITES

    def _upsert(self, operation: op.Operation, name: str, payload_type: type, key: str, records: Records) -> BulkResult:
        payloads, refused = guard_all(payload_type, records, key)
        write = BulkWrite(lambda part: self._write(operation, {name: part}), lambda: self._transport.auth.secrets)
        write.result.add(refused)
        return write.run(payloads)

    def _by_number(self, operation: op.Operation, name: str, numbers: Iterable[str]) -> BulkResult:
        send = self._revoke if operation.method == "DELETE" else self._write_form
        write = BulkWrite(lambda part: send(operation, name, part), lambda: self._transport.auth.secrets)
        return write.run({number: number for number in numbers if number})

    def _write_form(self, operation: op.Operation, name: str, numbers: list[str]) -> Any:
        return self._write(operation, {name: numbers})

    def _revoke(self, operation: op.Operation, name: str, numbers: list[str]) -> Any:
        answers = [
            self._transport.call(operation, query={"administration_id": self.administration_id, name: part})
            for part in self._filter_parts(numbers)
        ]
        return _joined(answers)

    def _write(self, operation: op.Operation, body: Mapping[str, Any], path: Mapping[str, str] | None = None) -> Any:
        return self._transport.call(operation, path=path, body={"administration_id": self.administration_id, **body})


def _single(answer: Any) -> dict[str, Any]:
    """The one record of an answer: the description shows it bare, bulk operations tend to wrap it.

    :raise PaytRejected: when the answer tells errors instead
    :raise PaytUnknownOutcome: when it doesn't show the record
    """
    if isinstance(answer, Mapping) and answer.get("errors"):
        result = read_answer(answer, ())
        raise PaytRejected(f"PAYT refused: {'; '.join(result.remarks)}")
    if isinstance(answer, Mapping) and isinstance(answer.get("data"), list):
        answer = answer["data"]
    if isinstance(answer, list) and len(answer) == 1:
        answer = answer[0]
    if not isinstance(answer, Mapping) or not answer.get("id"):
        raise PaytUnknownOutcome(
            "PAYT's answer does not show what was asked for: look at PAYT before sending it again."
        )
    return dict(answer)


def _joined(answers: list[Any]) -> Any:
    """Several answers to parts of one write as one; None where PAYT sent none."""
    answers = [answer for answer in answers if isinstance(answer, Mapping)]
    if not answers:
        return None
    errors: dict[str, Any] = {}
    for answer in answers:
        for name, value in (answer.get("errors") or {}).items():
            if isinstance(errors.get(name), list) and isinstance(value, list):
                errors[name] = errors[name] + value
            else:
                errors[name] = value
    return {
        "success": all(answer.get("success") is not False for answer in answers),
        "count": sum(answer.get("count") or 0 for answer in answers),
        "errors": errors,
    }
