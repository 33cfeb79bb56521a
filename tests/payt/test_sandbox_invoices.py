"""Invoices at the sandbox behave as the vendor says PAYT's do."""

from decimal import Decimal

import pytest
from payt_api import LocalThrottle, PaytAuth, PaytClient, PaytFile
from payt_api import operations as op

from tests.payt import examples
from tests.payt_sandbox import running_sandbox

NUMBER = "INV/2026/0001"
SENT = "2026-11-01T08:00:00Z"


@pytest.fixture
def ready(client):
    examples.prepare(client)
    return client


def _invoice(sandbox, number=NUMBER):
    return next(record for record in sandbox.state()["invoices"] if record["invoice_number"] == number)


def _payments(sandbox):
    return [(payment["total_amount"], payment["_source"]) for payment in sandbox.state()["payments"]]


def test_sending_an_invoice_again_changes_it_and_makes_no_second(sandbox, ready):
    ready.write_many(op.UPSERT_INVOICES, [examples.invoice()])
    ready.write_many(op.UPSERT_INVOICES, [examples.invoice(category="KWARTAAL")])
    (record,) = sandbox.state()["invoices"]
    assert record["category"] == "KWARTAAL"


def test_a_changed_open_amount_without_payments_makes_payt_invent_one(sandbox, ready):
    ready.write_many(op.UPSERT_INVOICES, [examples.invoice()])
    ready.write_many(op.UPSERT_INVOICES, [examples.invoice(amount_open="21.00", book_amount_open="21.00")])
    assert _payments(sandbox) == [("100.00", "invented")]
    assert _invoice(sandbox)["open_amount"] == "21.00"


def test_payments_given_are_the_whole_list(sandbox, ready):
    first, second = examples.payment("P1", "21.00"), examples.payment("P2", "50.00", payment_date="2026-11-05")
    ready.write_many(op.UPSERT_INVOICES, [examples.invoice(payments=[first, second], amount_open="50.00")])
    assert _payments(sandbox) == [("21.00", "given"), ("50.00", "given")]
    ready.write_many(op.UPSERT_INVOICES, [examples.invoice(payments=[second], amount_open="71.00")])
    assert _payments(sandbox) == [("50.00", "given")]
    assert _invoice(sandbox)["open_amount"] == "71.00"
    assert [record["origin_identifier"] for record in sandbox.state()["deleted"]] == ["P1"]


def test_a_reversal_opens_the_invoice_again(sandbox, ready):
    payments = [examples.payment("P1", "121.00")]
    ready.write_many(op.UPSERT_INVOICES, [examples.invoice(payments=payments, amount_open="0.00")])
    assert _invoice(sandbox)["payment_date"]
    payments.append(examples.payment("P2", "-121.00", transaction_type="reversal", reversal_code="AM04"))
    ready.write_many(op.UPSERT_INVOICES, [examples.invoice(payments=payments)])
    assert (_invoice(sandbox)["open_amount"], _invoice(sandbox)["payment_date"]) == ("121.00", None)


def test_what_payt_collected_stays_when_the_bookkeeping_sends_its_own_payments(sandbox, ready):
    ready.write_many(op.UPSERT_INVOICES, [examples.invoice(sent_at=SENT)])
    sandbox.play("pay", invoice=NUMBER, amount="100.00")
    ready.write_many(
        op.UPSERT_INVOICES, [examples.invoice(payments=[examples.payment("P1", "21.00")], amount_open="0.00")]
    )
    assert _payments(sandbox) == [("100.00", "psp"), ("21.00", "given")]
    assert _invoice(sandbox)["open_amount"] == "0.00"


def test_an_open_amount_that_does_not_follow_from_the_payments_is_warned_about(ready):
    result = ready.write_many(
        op.UPSERT_INVOICES, [examples.invoice(payments=[examples.payment("P1", "21.00")], sent_at=SENT)]
    )
    assert "does not follow" in result.warnings[NUMBER][0]


@pytest.mark.parametrize(
    ("payments", "reason"),
    [
        ([examples.payment("P1", "1.00"), examples.payment("P1", "2.00")], "not unique"),
        (
            [
                examples.payment("P1", "1.00", payment_date="2026-11-05"),
                examples.payment("P2", "1.00", payment_date="2026-11-04"),
            ],
            "chronological",
        ),
    ],
)
def test_payments_out_of_order_or_doubled_are_refused(ready, payments, reason):
    result = ready.write_many(op.UPSERT_INVOICES, [examples.invoice(payments=payments)])
    assert reason in result.refused[NUMBER][0]


def test_an_origin_identifier_belongs_to_one_invoice(ready):
    ready.write_many(op.UPSERT_INVOICES, [examples.invoice(payments=[examples.payment("P1", "1.00")])])
    result = ready.write_many(
        op.UPSERT_INVOICES, [examples.invoice("INV/2", payments=[examples.payment("P1", "1.00")])]
    )
    assert result.refused == {"INV/2": ["Origin identifier P1 has already been taken"]}


def test_given_sent_at_payt_does_not_send_and_it_stays(sandbox, ready):
    ready.write_many(op.UPSERT_INVOICES, [examples.invoice(sent_at=SENT)])
    assert sandbox.play("send", invoice=NUMBER) == {"sent": False}
    result = ready.write_many(op.UPSERT_INVOICES, [examples.invoice(sent_at="2026-11-02T08:00:00Z")])
    assert "can't be changed" in result.warnings[NUMBER][0]
    assert _invoice(sandbox)["sent_at"] == SENT


def test_without_sent_at_payt_sends_when_there_is_a_document(sandbox, ready):
    assert "no document" in ready.write_many(op.UPSERT_INVOICES, [examples.invoice()]).warnings[NUMBER][0]
    assert sandbox.play("send", invoice=NUMBER) == {"sent": False}
    ready.upload_files([examples.PDF])
    ready.write_many(
        op.UPSERT_INVOICES, [examples.invoice(document={"checksum": examples.PDF.checksum, "filename": "1.pdf"})]
    )
    assert sandbox.play("send_all") == {"sent": 1}
    assert _invoice(sandbox)["sent_at"]


def test_only_what_the_api_blocked_is_resumed(sandbox, ready):
    ready.write_many(op.UPSERT_INVOICES, [examples.invoice(), examples.invoice("INV/2")])
    ready.write_many(op.BLOCK_INVOICES, [NUMBER])
    sandbox.play("pause", invoice="INV/2")
    result = ready.write_many(op.RESUME_INVOICES, [NUMBER, "INV/2"])
    assert (result.taken, list(result.refused)) == ([NUMBER], ["INV/2"])
    assert (_invoice(sandbox)["paused_at"], bool(_invoice(sandbox, "INV/2")["paused_at"])) == (None, True)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"debtor_number": "D9"}, "Debtor not found"),
        ({"contact_identifier": "C9"}, "Contact not found"),
        (
            {"invoice_lines": [{"description": "x", "vat_rate_code": "V9", "total_excl_tax_amount": "1.00"}]},
            "V9 not found",
        ),
        ({"invoice_lines": [{"description": "x", "vat_rate_code": "V21"}]}, "needs a total"),
    ],
)
def test_what_an_invoice_refers_to_has_to_be_there(ready, changes, reason):
    assert reason in ready.write_many(op.UPSERT_INVOICES, [examples.invoice(**changes)]).refused[NUMBER][0]


def test_labels_left_out_stay_and_labels_given_replace(sandbox, ready):
    ready.write_many(op.UPSERT_DEBTORS, [examples.debtor(labels=["MAAND"])])
    ready.write_many(op.UPSERT_DEBTORS, [examples.debtor()])
    assert sandbox.state()["debtors"][0]["labels"] == ["MAAND"]
    ready.write_many(op.UPSERT_DEBTORS, [examples.debtor(labels=[])])
    assert sandbox.state()["debtors"][0]["labels"] == []


def test_a_mandate_is_registered_once(sandbox, ready):
    from payt_api import PaytRejected

    assert ready.write_one(op.CREATE_PSP_MANDATES, examples.mandate())["mandate_reference"] == "M1"
    with pytest.raises(PaytRejected, match="taken"):
        ready.write_one(op.CREATE_PSP_MANDATES, examples.mandate())
    assert ready.write_many(op.REVOKE_PSP_MANDATES, ["M1"]).taken == ["M1"]
    assert sandbox.state()["psp_mandates"][0]["deactivated_at"]


@pytest.mark.parametrize("settings", [{"nulls": True}, {"single_answers": True}])
def test_the_client_understands_payts_other_ways_to_answer(settings):
    with running_sandbox(requests_per_second=10_000, **settings) as sandbox:
        auth = PaytAuth(lambda: sandbox.token)
        client = PaytClient(
            sandbox.url, auth=auth, administration_id=sandbox.administration_id, throttle=LocalThrottle(interval=0)
        )
        with client:
            examples.prepare(client)
            assert client.upload_files([PaytFile.of(b"1", "application/pdf")]).uploaded
            assert client.write_one(op.CREATE_PSP_MANDATES, examples.mandate())["id"]
            client.write_many(op.UPSERT_INVOICES, [examples.invoice(sent_at=SENT)])
            assert client.write_one(op.CREATE_PAYMENT_PLAN, examples.plan())["active"] is True
            sandbox.play("collection", invoice=NUMBER)
            sandbox.play("pay", invoice=NUMBER)
            sandbox.play("bounce", invoice=NUMBER)
            sandbox.play("dispute", invoice=NUMBER)
            for resource in (
                *("invoices", "payments", "credit_cases", "payment_plans", "psp_mandates", "debtors"),
                *("psp_transactions", "notes", "notifications", "contacts", "vat_rates"),
            ):
                (page,) = client.iter_pages(resource)
                assert len(page) == 1 or resource == "payments"
        assert sandbox.traffic.answers_broken == []


def test_money_is_exact_to_the_cent_over_many_payments(sandbox, ready):
    ready.write_many(op.UPSERT_INVOICES, [examples.invoice(total="100.00", sent_at=SENT)])
    for _ in range(7):
        sandbox.play("pay", invoice=NUMBER, amount="14.28")
    assert Decimal(_invoice(sandbox)["open_amount"]) == Decimal("0.04")
