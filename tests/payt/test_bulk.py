"""Bulk writes: by our key, in as few requests as the limits allow, one bad record stopping no other."""

import pytest
from payt_api import PaytRejected, PaytTemporary, PaytUnknownOutcome
from payt_api import operations as op
from payt_api.client import _single
from payt_api.results import read_answer

from tests.payt import examples

KEYS = ["INV/1", "INV/2", "INV/3"]


def test_a_record_refused_within_success_is_reported_by_our_key_and_the_others_are_taken(sandbox, client):
    client.write_many(op.UPSERT_CONTACTS, [examples.contact()])
    debtors = [examples.debtor("D1"), examples.debtor("D2", contact_identifier="nobody"), examples.debtor("D3")]
    result = client.write_many(op.UPSERT_DEBTORS, debtors)
    assert result.taken == ["D1", "D3"]
    assert result.refused == {"D2": ["Contact not found"]}
    assert [debtor["debtor_number"] for debtor in sandbox.state()["debtors"]] == ["D1", "D3"]


def test_an_ordered_error_and_warning_arrive(sandbox, client):
    sandbox.fail("record_error", path="/v1/debtors", key="D2", reason="Name is too odd")
    result = client.write_many(op.UPSERT_DEBTORS, [examples.debtor("D1"), examples.debtor("D2")])
    assert (result.taken, result.refused) == (["D1"], {"D2": ["Name is too odd"]})
    sandbox.fail("record_warning", path="/v1/debtors", key="D1", reason="Label left out")
    result = client.write_many(op.UPSERT_DEBTORS, [examples.debtor("D1"), examples.debtor("D2")])
    assert (result.taken, result.warnings) == (["D1", "D2"], {"D1": ["Label left out"]})


def test_unknown_invoices_come_back_by_our_number(sandbox, client):
    examples.prepare(client)
    client.write_many(op.UPSERT_INVOICES, [examples.invoice("INV/1")])
    result = client.write_many(op.BLOCK_INVOICES, ["INV/1", "INV/2"])
    assert (result.taken, result.refused) == (["INV/1"], {"INV/2": ["not_found"]})


def test_a_record_that_breaks_the_contract_is_refused_here_and_the_others_go(sandbox, client):
    result = client.write_many(
        op.UPSERT_DEBTORS, [examples.debtor("D1", country_code="Nederland"), examples.debtor("D2")]
    )
    assert result.taken == ["D2"]
    assert result.refused == {"D1": ["country_code: not a country code (ISO 3166, two letters)"]}
    assert sandbox.traffic.contract_broken == []


def test_nothing_to_send_is_no_request(client):
    assert client.write_many(op.UPSERT_DEBTORS, []).taken == []
    assert client.write_many(op.BLOCK_INVOICES, []).taken == []
    assert client.requests_sent == 0


def test_writes_are_cut_at_a_thousand(sandbox, client):
    debtors = [examples.debtor(f"D{number}") for number in range(2001)]
    result = client.write_many(op.UPSERT_DEBTORS, debtors)
    assert len(result.taken) == 2001
    assert sandbox.traffic.by_operation["POST /v1/debtors"] == 3
    assert len(sandbox.state()["debtors"]) == 2001


def test_blocking_is_cut_at_the_contracts_thousand(sandbox, client):
    result = client.write_many(op.BLOCK_INVOICES, [f"INV/{number}" for number in range(1001)])
    assert len(result.refused) == 1001
    assert sandbox.traffic.contract_broken == []
    assert sandbox.traffic.by_operation["PATCH /v1/invoices/block"] == 2


def test_revoking_many_mandates_keeps_addresses_short(sandbox, client):
    references = [f"MANDATE-{number:030d}" for number in range(300)]
    result = client.write_many(op.REVOKE_PSP_MANDATES, references)
    assert set(result.refused) == set(references)
    assert 3 <= sandbox.traffic.by_operation["DELETE /v1/psp_mandates"] <= 5


def test_a_request_refused_as_a_whole_is_halved_until_the_record_is_found(sandbox, client, monkeypatch):
    """PAYT refuses the whole request for one record whose fault our guard doesn't see."""
    from tests.payt_sandbox import api
    from tests.payt_sandbox.problems import invalid

    real = api.BULK_WRITES["POST /v1/debtors"]

    def strict(world, body, outcome):
        if any(debtor["debtor_number"] == "D7" for debtor in body["debtors"]):
            raise invalid("debtors[n][name] is beyond PAYT")
        real(world, body, outcome)

    monkeypatch.setitem(api.BULK_WRITES, "POST /v1/debtors", strict)
    result = client.write_many(op.UPSERT_DEBTORS, [examples.debtor(f"D{number}") for number in range(16)])
    assert len(result.taken) == 15
    assert list(result.refused) == ["D7"]
    assert "beyond PAYT" in result.refused["D7"][0]
    assert client.requests_sent == 1 + 2 * 4


def test_when_everything_is_refused_the_search_ends(sandbox, client):
    sandbox.fail("refuse", times=10_000)
    with pytest.raises(PaytRejected) as caught:
        client.write_many(op.UPSERT_DEBTORS, [examples.debtor(f"D{number}") for number in range(1000)])
    assert client.requests_sent < 60
    assert caught.value.partial.taken == []


def test_an_error_halfway_tells_what_was_done_before(sandbox, client):
    sandbox.fail("error", path="/v1/debtors", after=1, times=100)
    with pytest.raises(PaytTemporary) as caught:
        client.write_many(op.UPSERT_DEBTORS, [examples.debtor(f"D{number}") for number in range(1500)])
    assert caught.value.partial.taken == [f"D{number}" for number in range(1000)]


@pytest.mark.parametrize("records", [[{"name": "x"}], [examples.debtor(), examples.debtor()]])
def test_records_without_a_key_of_their_own_are_a_mistake(client, records):
    with pytest.raises(ValueError, match="debtor_number"):
        client.write_many(op.UPSERT_DEBTORS, records)


@pytest.mark.parametrize(
    "operation", [op.CREATE_PSP_MANDATES, op.CREATE_PAYMENT_PLAN, op.APPROVE_PAYMENT_PLAN], ids=str
)
def test_what_is_made_once_is_not_written_in_bulk(client, operation):
    with pytest.raises(ValueError, match="one record at a time"):
        client.write_many(operation, [])


# === SHAPES OF ANSWERS


@pytest.mark.parametrize(
    ("errors", "refused"),
    [
        ({}, {}),
        ({"INV/2": ["too late", "too big"]}, {"INV/2": ["too late", "too big"]}),
        ({"INV/2": "too late"}, {"INV/2": ["too late"]}),
        ({"INV/2": {"due_date": ["is missing"]}}, {"INV/2": ["due_date: is missing"]}),
        ({"not_found": ["INV/1", "INV/3"]}, {"INV/1": ["not_found"], "INV/3": ["not_found"]}),
        ({"not_found": ["INV/1"], "INV/1": ["odd"]}, {"INV/1": ["not_found", "odd"]}),
    ],
)
def test_both_shapes_of_errors_are_read(errors, refused):
    result = read_answer({"success": True, "count": 3 - len(refused), "errors": errors}, KEYS)
    assert result.refused == refused
    assert result.taken == [key for key in KEYS if key not in refused]
    assert (result.unconfirmed, result.remarks) == ([], [])


def test_a_key_that_looks_like_a_failure_is_a_key():
    result = read_answer({"success": True, "count": 1, "errors": {"not_found": ["Debtor is odd"]}}, ["not_found", "x"])
    assert result.refused == {"not_found": ["Debtor is odd"]}


def test_an_error_that_names_no_record_is_not_lost_and_leaves_the_rest_unconfirmed():
    result = read_answer({"success": True, "count": 2, "errors": {"general": ["something broke"]}}, KEYS)
    assert result.remarks == ["general: something broke"]
    assert (result.taken, result.unconfirmed) == ([], KEYS)


def test_a_count_that_is_too_low_takes_nothing_for_granted():
    result = read_answer({"success": True, "count": 1, "errors": {}}, KEYS)
    assert (result.taken, result.unconfirmed) == ([], KEYS)


def test_no_success_is_no_success():
    assert read_answer({"success": False, "count": 3, "errors": {}}, KEYS).unconfirmed == KEYS


def test_an_empty_answer_means_all_went_well():
    assert read_answer(None, KEYS).taken == KEYS


def test_payts_words_lose_account_numbers():
    answer = {"success": True, "count": 2, "errors": {"INV/1": [f"{examples.IBAN} is closed"]}}
    assert read_answer(answer, KEYS).refused == {"INV/1": ["NL91…4300 is closed"]}


# === ONE RECORD


@pytest.mark.parametrize("wrap", [lambda r: r, lambda r: [r], lambda r: {"data": [r]}])
def test_the_one_record_is_found_however_it_is_wrapped(wrap):
    assert _single(wrap({"id": "7"})) == {"id": "7"}


def test_errors_instead_of_a_record_are_no_success():
    with pytest.raises(PaytRejected, match="has a mandate already"):
        _single({"success": True, "count": 0, "errors": {"D1": ["Debtor has a mandate already"]}})


@pytest.mark.parametrize(
    "answer", [None, [], {}, {"data": []}, [{"id": "1"}, {"id": "2"}], {"success": True, "count": 1}]
)
def test_an_answer_without_the_record_is_no_success_either(answer):
    with pytest.raises(PaytUnknownOutcome):
        _single(answer)


def test_lists_in_an_address_are_parted_by_plain_commas(sandbox, client, monkeypatch):
    """A server that parts a list before it decodes the items, as the contract's style has it, must find the same."""
    from tests.payt_sandbox.server import Handler

    seen = []
    real = Handler._perform
    monkeypatch.setattr(Handler, "_perform", lambda self, *a: seen.append(self.path) or real(self, *a))
    result = client.write_many(op.REVOKE_PSP_MANDATES, ["M/1 a", "M2"])
    assert seen[0].endswith("&mandate_references=M%2F1%20a,M2")
    assert list(result.refused) == ["M/1 a", "M2"]
