"""Documents: uploaded once, checked, and one that fails stops no other."""

import pytest
from payt_api import PaytError, PaytFile, PaytRejected, PaytTemporary
from payt_api import operations as op
from payt_api.connection import checked_upload_url
from payt_api.files import read_missing

from tests.payt import examples


def _file(number):
    return PaytFile.of(f"%PDF {number}".encode(), "application/pdf")


def _uploads(sandbox):
    return sandbox.traffic.by_operation["PUT /file_storage"]


def test_a_file_is_uploaded_once(sandbox, client):
    files = [_file(1), _file(2), _file(1)]
    assert client.upload_files(files).uploaded == [files[0].checksum, files[1].checksum]
    report = client.upload_files([*files, _file(3)])
    assert (report.present, report.uploaded) == ([files[0].checksum, files[1].checksum], [_file(3).checksum])
    assert _uploads(sandbox) == 3


def test_what_payt_has_is_not_even_read(client):
    client.upload_files([examples.PDF])
    known = PaytFile(examples.PDF.checksum, examples.PDF.byte_size, "application/pdf", lambda: pytest.fail("read"))
    assert client.upload_files([known]).at_payt == {examples.PDF.checksum}


def test_an_uploaded_document_can_be_opened_at_payt(sandbox, client):
    import requests

    examples.prepare(client)
    client.upload_files([examples.PDF])
    document = {"checksum": examples.PDF.checksum, "filename": "INV-1.pdf"}
    assert client.write_many(op.UPSERT_INVOICES, [examples.invoice(document=document)]).taken
    (record,) = client.read_by("invoices", "invoice_numbers", ["INV/2026/0001"], fields=["document_url"])
    assert requests.get(record["document_url"], timeout=5).content == examples.PDF.content()


def test_an_invoice_whose_document_was_not_uploaded_is_refused(client):
    examples.prepare(client)
    document = {"checksum": examples.PDF.checksum, "filename": "INV-1.pdf"}
    result = client.write_many(op.UPSERT_INVOICES, [examples.invoice(document=document)])
    assert result.refused == {"INV/2026/0001": ["document has not been uploaded"]}


def test_a_file_that_changed_is_not_uploaded_and_stops_no_other(sandbox, client):
    changed = PaytFile(_file(1).checksum, 6, "application/pdf", lambda: b"%PDF 2")
    report = client.upload_files([changed, _file(3)])
    assert report.uploaded == [_file(3).checksum]
    assert isinstance(report.failed[changed.checksum], PaytRejected)
    assert _uploads(sandbox) == 1


def test_a_wrong_kind_of_checksum_fails_at_the_upload(sandbox, client):
    """SHA-512 is as long as SHA3-512, so the announcement goes well."""
    import base64
    import hashlib

    wrong = base64.b64encode(hashlib.sha512(b"%PDF").digest()).decode()
    missing = client._announce([PaytFile(wrong, 4, "application/pdf", lambda: b"%PDF")])
    with pytest.raises(PaytRejected, match="422"):
        client._transport.upload(missing[wrong], b"%PDF", "application/pdf")
    assert sandbox.world.store.get_file(wrong) is None


def test_an_address_that_lapsed_is_a_failure_and_a_new_one_works(sandbox, client, monkeypatch):
    real = PaytFile.content

    def slow(file):
        sandbox.clock.advance(4 * 3600 + 1)
        return real(file)

    monkeypatch.setattr(PaytFile, "content", slow)
    failed = client.upload_files([_file(1)]).failed[_file(1).checksum]
    assert (failed.status, failed.retryable) == (403, True)
    monkeypatch.setattr(PaytFile, "content", real)
    assert client.upload_files([_file(1)]).uploaded == [_file(1).checksum]


@pytest.mark.parametrize("status", [403, 404, 410])
def test_an_address_that_lapsed_is_asked_for_again(sandbox, client, status):
    sandbox.fail("error", path="/file_storage", status=status)
    report = client.upload_files([_file(1), _file(2)])
    assert sorted(report.uploaded) == sorted([_file(1).checksum, _file(2).checksum])
    assert not report.failed
    assert sandbox.traffic.by_operation["POST /v1/files"] == 2


def test_the_token_is_not_sent_with_an_upload(sandbox, client, monkeypatch):
    from tests.payt_sandbox.server import Handler

    seen = []
    real = Handler._upload
    monkeypatch.setattr(Handler, "_upload", lambda self, *a: seen.append(self.headers) or real(self, *a))
    client.upload_files([_file(1)])
    assert [(headers["Authorization"], headers["Content-Type"]) for headers in seen] == [(None, "application/pdf")]


@pytest.mark.parametrize("failure", ["error", "lost_answer", "throttle", "drop"])
def test_a_failed_upload_is_repeated(sandbox, client, failure):
    sandbox.fail(failure, path="/file_storage")
    assert client.upload_files([_file(1)]).uploaded == [_file(1).checksum]
    assert _uploads(sandbox) == 2


def test_when_uploads_stay_impossible_the_rest_is_not_tried(sandbox, client):
    sandbox.fail("error", path="/file_storage", after=1, times=100)
    with pytest.raises(PaytTemporary) as caught:
        client.upload_files([_file(number) for number in range(10)])
    assert caught.value.partial.uploaded == [_file(0).checksum]
    assert _uploads(sandbox) == 1 + 3


def test_two_thousand_files_are_announced_in_two_requests(sandbox, client, monkeypatch):
    monkeypatch.setattr(client._transport, "upload", lambda *a: None)
    report = client.upload_files([_file(number) for number in range(2000)])
    assert len(report.uploaded) == 2000
    assert sandbox.traffic.by_operation["POST /v1/files"] == 2


@pytest.mark.parametrize("answer", [None, [], {}, {"data": []}, {"files": []}])
def test_an_empty_answer_means_payt_has_them(answer):
    assert read_missing(answer) == {}


@pytest.mark.parametrize("wrap", [lambda e: e, lambda e: [e], lambda e: {"data": [e]}])
def test_one_address_or_many_are_read(wrap):
    entry = {"checksum": "x", "url": "https://u", "expires_at": "2026-11-01T08:00:00Z"}
    assert read_missing(wrap(entry)) == {"x": "https://u"}


def test_an_address_without_url_is_an_error_not_a_file_payt_has():
    with pytest.raises(PaytTemporary):
        read_missing([{"checksum": "x"}])


@pytest.mark.parametrize("url", ["http://files.example/x", "ftp://x", "", None, "http://localhost/x"])
def test_documents_are_not_sent_over_an_open_line(url):
    with pytest.raises(PaytError):
        checked_upload_url(url, "https://api.paytsoftware.com")
