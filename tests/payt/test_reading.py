"""Lists: every record once, one page in memory, a mark that passes over nothing."""

import gc
import weakref
from datetime import UTC, datetime, timedelta

import pytest
from payt_api import PaytForbidden, PaytTemporary
from payt_api import operations as op
from payt_api.paging import Page, SyncMark, read_page

from tests.payt import examples


def _debtors(client, count):
    client.write_many(op.UPSERT_DEBTORS, [examples.debtor(f"D{number:03d}") for number in range(count)])


@pytest.mark.parametrize(("records", "requests"), [(0, 1), (1, 2), (10, 2), (11, 3), (25, 4)])
def test_every_record_comes_once_though_the_last_page_has_a_cursor(sandbox, client, records, requests):
    _debtors(client, records)
    sandbox.traffic.reset()
    numbers = [record["debtor_number"] for page in client.iter_pages("debtors", per_page=10) for record in page]
    assert numbers == [f"D{number:03d}" for number in range(records)]
    assert sandbox.traffic.by_operation["GET /v1/debtors"] == requests


def test_only_one_page_is_held(client):
    _debtors(client, 30)

    class Watched(list):
        pass

    seen = []
    for page in client.iter_pages("debtors", per_page=10):
        watched = Watched(page.records)
        object.__setattr__(page, "records", watched)
        seen.append(weakref.ref(watched))
        del watched
        gc.collect()
        assert sum(ref() is not None for ref in seen) == 1


def test_reading_goes_on_at_a_cursor_kept(client):
    _debtors(client, 25)
    first = next(client.iter_pages("debtors", per_page=10))
    rest = [r["debtor_number"] for page in client.iter_pages("debtors", per_page=10, cursor=first.cursor) for r in page]
    assert rest == [f"D{number:03d}" for number in range(10, 25)]


def test_a_failure_between_pages_loses_and_repeats_nothing(sandbox, client):
    _debtors(client, 25)
    sandbox.fail("lost_answer", path="/v1/debtors", after=1)
    numbers = [record["debtor_number"] for page in client.iter_pages("debtors", per_page=10) for record in page]
    assert numbers == [f"D{number:03d}" for number in range(25)]


def test_updated_after_gives_what_changed_since(sandbox, client):
    sandbox.clock.set(datetime(2026, 11, 1, 12, tzinfo=UTC), frozen=True)
    _debtors(client, 3)
    mark = next(client.iter_pages("debtors")).newest
    assert mark == "2026-11-01T12:00:00Z"
    assert list(client.iter_pages("debtors", updated_after=mark)) == []
    sandbox.clock.advance(60)
    client.write_many(op.UPSERT_DEBTORS, [examples.debtor("D001", name="Other BV")])
    for after in (mark, datetime(2026, 11, 1, 12), datetime(2026, 11, 1, 13, tzinfo=UTC) - timedelta(hours=1)):
        (page,) = client.iter_pages("debtors", updated_after=after)
        assert [record["name"] for record in page] == ["Other BV"]


def test_fields_bring_what_is_asked_for_and_what_we_need(client):
    examples.prepare(client)
    (page,) = client.iter_pages("debtors", fields=["labels", "debtor_number"])
    assert page.records[0].keys() == {"id", "updated_at", "labels", "debtor_number"}


def test_records_are_found_by_our_numbers_in_few_requests(sandbox, client):
    examples.prepare(client)
    numbers = [f"INV/2026/{number:05d}" for number in range(700)]
    client.write_many(op.UPSERT_INVOICES, [examples.invoice(number) for number in numbers])
    sandbox.traffic.reset()
    found = {record["invoice_number"] for record in client.read_by("invoices", "invoice_numbers", numbers)}
    assert found == set(numbers)
    # 20 characters each in the address, so some 200 in one, and an empty page after each
    assert sandbox.traffic.by_operation["GET /v1/invoices"] <= 10


@pytest.mark.parametrize("resource", ["invoices", "payments", "psp_mandates", "payment_plans", "credit_cases"])
def test_what_was_deleted_is_listed(sandbox, client, resource):
    examples.prepare(client)
    client.write_many(op.UPSERT_INVOICES, [examples.invoice(sent_at="2026-11-01T08:00:00Z")])
    client.write_one(op.CREATE_PSP_MANDATES, examples.mandate())
    client.write_one(op.CREATE_PAYMENT_PLAN, examples.plan())
    sandbox.play("collection", invoice="INV/2026/0001")
    sandbox.play("pay", invoice="INV/2026/0001", amount="1.00")
    number = sandbox.state()[resource][0]["id"]
    sandbox.play("delete", resource=resource, id=number)
    (page,) = client.iter_deleted(resource, deleted_after=datetime(2026, 1, 1))
    assert [record["id"] for record in page] == [number]
    assert page.newest == page.records[0]["deleted_at"]


def test_what_the_contract_does_not_have_is_a_mistake(client):
    for mistake in (
        lambda: client.iter_pages("invoices", debtor="D1"),
        lambda: client.iter_pages("vat_rates", updated_after="2026-01-01T00:00:00Z"),
        lambda: client.iter_pages("vat_rates", fields=["code"]),
        lambda: client.iter_pages("invoices", invoice_numbers=["a,b"]),
        lambda: client.iter_deleted("debtors", deleted_after="2026-01-01T00:00:00Z"),
        lambda: next(client.iter_pages("invoices", per_page=501)),
    ):
        with pytest.raises(ValueError):
            mistake()
    assert client.requests_sent == 0


def test_without_an_administration_only_administrations_are_read(make_client, sandbox):
    client = make_client(administration_id="")
    assert [record["id"] for record in client.administrations()] == [sandbox.administration_id]
    with pytest.raises(PaytForbidden):
        client.iter_pages("invoices")


def test_the_clock_difference_is_known_after_an_answer(client):
    assert client.clock_difference is None
    client.administration()
    assert abs(client.clock_difference) < timedelta(seconds=5)


@pytest.mark.parametrize("answer", [None, [], {"data": None}, {"data": [1]}, {"error": "x"}])
def test_an_answer_that_is_no_list_is_not_taken_for_an_empty_one(answer):
    with pytest.raises(PaytTemporary):
        read_page(answer)


def test_ids_and_cursors_may_be_numbers_as_in_the_vendors_examples():
    page = read_page({"data": [{"id": 1, "updated_at": None}], "pagination": {"cursor": 7}})
    assert (page.cursor, page.newest) == ("7", "")


def test_pages_in_a_circle_end_in_an_error(client, monkeypatch):
    from payt_api import reading

    monkeypatch.setattr(reading, "read_page", lambda answer: Page([{"id": "1"}], "7", ""))
    with pytest.raises(PaytTemporary, match="circle"):
        list(client.iter_pages("debtors"))


# === MARKS

STARTED = datetime(2026, 11, 1, 12, tzinfo=UTC)


def _mark(previous, *newest):
    mark = SyncMark(previous, STARTED)
    for moment in newest:
        mark.see(Page([{}], "", moment))
    return mark.value


def test_an_empty_reading_leaves_the_mark():
    assert _mark("2026-10-01T00:00:00Z") == "2026-10-01T00:00:00Z"
    assert _mark("") == ""


def test_the_mark_follows_the_newest_record_a_little_behind():
    assert _mark("", "2026-11-01T11:00:00Z", "2026-11-01T10:00:00Z") == "2026-11-01T10:59:55Z"


def test_the_mark_never_passes_the_start_of_the_reading():
    assert _mark("", "2026-11-01T12:30:00Z") == "2026-11-01T11:59:55Z"


def test_the_mark_never_goes_back():
    assert _mark("2026-11-01T11:59:59Z", "2026-11-01T12:00:00Z") == "2026-11-01T11:59:59Z"


def test_fractions_and_offsets_are_understood():
    assert _mark("", "2026-11-01T11:00:00.250+01:00", "2026-11-01T10:30:00Z") == "2026-11-01T10:29:55Z"
