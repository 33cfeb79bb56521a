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
from .reading import Reading
from .results import BulkResult, read_answer
from .throttle import Throttle
from .transport import Transport

# what the address of an upload answers once its hours are over, depending on whose it is
LAPSED = (403, 404, 410)


class PaytClient(Reading):
    """A session with PAYT, used for a batch and then closed::

        with PaytClient(base_url, auth=PaytAuth(get_token), administration_id="81", throttle=throttle) as client:
            result = client.write_many(operations.UPSERT_INVOICES, payloads)

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

    # === WRITING

    def write_many(self, operation: op.Operation, items: Iterable[Any]) -> BulkResult:
        """Send records that are keyed by our identifiers; sending them again is harmless.

        :param operation: of :mod:`.operations`
        :param items: payloads; identifiers, where the operation takes nothing else
        :raise ValueError: for an operation that doesn't do for many
        """
        if not operation.carries or not operation.repeatable:
            raise ValueError(f"{operation} takes one record at a time")
        send = self._write_in_address if operation.method == "DELETE" else self._write_in_body
        write = BulkWrite(lambda part: send(operation, part), lambda: self._transport.auth.secrets)
        if operation.payload:
            payloads, refused = guard_all(operation.payload, items, operation.key)
            write.result.add(refused)
        else:
            payloads = {identifier: identifier for identifier in items if identifier}
        return write.run(payloads)

    def write_one(
        self, operation: op.Operation, record: Mapping[str, Any] | None = None, *, payt_id: str = ""
    ) -> dict[str, Any]:
        """Make one record, or move one along.

        :param operation: of :mod:`.operations`
        :param record: its payload, where the operation has one
        :param payt_id: PAYT's id of the record, where the address names it
        :return: the record as PAYT has it
        :raise PaytUnknownOutcome: the answer was lost: look at PAYT before sending it again
        """
        payload = guarded(operation.payload, record or {}) if operation.payload else {}
        body = {operation.carries: [payload]} if operation.carries else payload
        return _single(self._write(operation, body, path={"id": payt_id}))

    # === FILES

    def upload_files(self, files: Iterable[PaytFile]) -> FileReport:
        """Make sure that PAYT has these files. The same file twice is uploaded once.

        One that fails stops no other: its error is in the report. An address that isn't good any more is asked for
        again, once; after that it counts as a failure that may be tried again later.

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
                op.FilePayload,
                {"byte_size": file.byte_size, "checksum": file.checksum, "content_type": file.content_type},
            )
            for file in files
        ]
        return read_missing(self._write_in_body(op.ANNOUNCE_FILES, payloads))

    def _upload(self, file: PaytFile, url: str, report: FileReport, is_new_address: bool = False) -> None:
        try:
            self._transport.upload(url, file.content(), file.content_type)
        except PaytTemporary as error:
            # the others would fail as well, each after all its attempts
            report.failed[file.checksum] = error
            error.partial = report
            raise
        except PaytError as error:
            if error.status not in LAPSED:
                report.failed[file.checksum] = error
            elif is_new_address:
                report.failed[file.checksum] = PaytTemporary(str(error), status=error.status, maybe_processed=False)
            else:
                self._upload_again(file, report)
        else:
            report.uploaded.append(file.checksum)

    def _upload_again(self, file: PaytFile, report: FileReport) -> None:
        """To a new address: the one before lapsed, or PAYT doesn't know it any more."""
        missing = self._announce([file])
        if file.checksum in missing:
            self._upload(file, missing[file.checksum], report, is_new_address=True)
        else:
            report.present.append(file.checksum)

    # === COMMON TO WRITES

    def _write_in_body(self, operation: op.Operation, items: Sequence[Any]) -> Any:
        return self._write(operation, {operation.carries: items})

    def _write_in_address(self, operation: op.Operation, identifiers: list[str]) -> Any:
        answers = [
            self._transport.call(
                operation, query={"administration_id": self.administration_id, operation.carries: part}
            )
            for part in self._filter_parts(identifiers)
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
