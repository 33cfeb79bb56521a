"""The sandbox' players: dunning, money, plans; and that what happens can be read back."""

import pytest
from payt_api import operations as op

from tests.payt import examples

NUMBER = "INV/2026/0001"
SENT = "2026-11-01T08:00:00Z"


@pytest.fixture
def play(sandbox, client):
    """With a debtor, a mandate and one invoice of 121.00."""
    examples.prepare(client)
    client.write_one(op.CREATE_PSP_MANDATES, examples.mandate())
    client.write_many(op.UPSERT_INVOICES, [examples.invoice(sent_at=SENT)])
    return sandbox.play


@pytest.fixture
def read(client):
    return lambda resource, **options: [record for page in client.iter_pages(resource, **options) for record in page]


@pytest.fixture
def invoice(read):
    return lambda: read("invoices")[0]


def test_a_debit_is_paid_reversed_and_paid_again(play, read, invoice):
    play("debit", invoice=NUMBER)
    assert (read("psp_transactions")[0]["status"], invoice()["open_amount"]) == ("pending", "121.00")
    play("settle_debit", invoice=NUMBER)
    assert (read("psp_transactions")[0]["status"], invoice()["open_amount"]) == ("paid", "0.00")
    play("reverse", invoice=NUMBER, code="AM04")
    transaction = read("psp_transactions")[0]
    assert (transaction["status"], transaction["reversal_code"]) == ("charged_back", "AM04")
    assert (invoice()["open_amount"], "payment_date" in invoice()) == ("121.00", False)
    play("pay", invoice=NUMBER)
    kinds = [(p["transaction_type"], p["total_amount"], p.get("reversal_code")) for p in read("payments")]
    assert kinds == [("payment", "121.00", None), ("reversal", "-121.00", "AM04"), ("payment", "121.00", None)]


def test_a_failed_debit_leaves_the_invoice_open(play, read, invoice):
    play("debit", invoice=NUMBER)
    play("fail_debit", invoice=NUMBER, code="AC04")
    assert (read("psp_transactions")[0]["status"], read("payments"), invoice()["open_amount"]) == (
        "failed",
        [],
        "121.00",
    )


def test_only_debits_that_are_due_are_collected_and_once(play, client, sandbox, invoice):
    from datetime import UTC, datetime

    assert play("debit_due") == {"debits": 0}  # not paid by direct debit
    client.write_many(
        op.UPSERT_INVOICES, [examples.invoice(payment_method="direct_debit", due_date="2026-12-01", sent_at=SENT)]
    )
    sandbox.clock.set(datetime(2026, 11, 30, 12, tzinfo=UTC))
    assert play("debit_due") == {"debits": 0}
    sandbox.clock.set(datetime(2026, 12, 1, 12, tzinfo=UTC))
    assert [play("debit_due"), play("debit_due")] == [{"debits": 1}, {"debits": 0}]
    assert play("settle_all") == {"debits": 1}
    assert invoice()["open_amount"] == "0.00"


def test_a_refund_opens_the_invoice(play, read, invoice):
    play("pay", invoice=NUMBER)
    play("refund", invoice=NUMBER)
    assert (read("psp_transactions")[0]["status"], invoice()["open_amount"]) == ("refunded", "121.00")


def test_one_payment_over_two_invoices(play, client, read):
    client.write_many(op.UPSERT_INVOICES, [examples.invoice("INV/2", total="50.00", sent_at=SENT)])
    play("pay", invoice=[NUMBER, "INV/2"], amount="150.00")
    assert [record["open_amount"] for record in read("invoices")] == ["0.00", "21.00"]
    (transaction,) = read("psp_transactions")
    assert (transaction["amount"], len(transaction["invoice_ids"])) == ("150.00", 2)


def test_too_much_paid_shows_as_a_negative_open_amount(play, invoice):
    play("pay", invoice=NUMBER, amount="130.00", method="bank_transfer")
    assert invoice()["open_amount"] == "-9.00"


def test_the_whole_way_to_the_bailiff(play, read, invoice):
    for step in ("reminder_1", "reminder_2", "final_reminder", "end_of_service_announcement"):
        play("remind", invoice=NUMBER, step=step)
    play("make_collectable", invoice=NUMBER)
    play("collection", invoice=NUMBER, interest="1.50")
    play("case_step", invoice=NUMBER, step="summons_1")
    play("bailiff", invoice=NUMBER)
    record = invoice()
    steps = ("reminder_1_at", "final_reminder_at", "collectable_at", "debt_collection_at", "summons_1_at", "bailiff_at")
    assert all(record[step] for step in steps)
    (case,) = read("credit_cases")
    assert (case["debt_collection_costs"], case["interest_costs"], case["open_amount"]) == ("40.00", "1.50", "162.50")
    assert record["active_credit_case_id"] == case["id"]


def test_costs_paid_are_never_on_the_principal(play, read, invoice):
    play("collection", invoice=NUMBER)
    play("pay_costs", invoice=NUMBER)
    assert (read("payments")[0]["cost_type"], invoice()["open_amount"]) == ("debt_collection_costs", "121.00")
    assert read("credit_cases")[0]["open_amount"] == "121.00"
    play("pay_bailiff", invoice=NUMBER)
    assert read("credit_cases")[0]["deactivated_at"]
    assert "active_credit_case_id" not in invoice()


def test_a_plan_proposed_by_the_debtor_is_approved_and_kept(play, client, read, invoice):
    terms = [{"amount": "60.50", "due_date": "2026-12-01"}, {"amount": "60.50", "due_date": "2027-01-01"}]
    plan = play("propose_plan", invoice=NUMBER, terms=terms)["payment_plan_id"]
    assert read("payment_plans")[0]["active"] is False
    assert client.write_one(op.APPROVE_PAYMENT_PLAN, payt_id=plan)["approved_at"]
    assert invoice()["active_payment_plan_id"] == plan
    play("pay", invoice=NUMBER, amount="60.50")
    assert [term["amount_due"] for term in read("payment_plans")[0]["payment_terms"]] == ["0.00", "60.50"]
    play("pay", invoice=NUMBER)
    assert read("payment_plans")[0]["active"] is False
    assert "active_payment_plan_id" not in invoice()


def test_a_plan_is_rejected_or_ended_and_only_once(play, client):
    from payt_api import PaytNotFound, PaytRejected

    terms = [{"amount": "121.00", "due_date": "2026-12-01"}]
    plan = play("propose_plan", invoice=NUMBER, terms=terms)["payment_plan_id"]
    assert client.write_one(op.REJECT_PAYMENT_PLAN, payt_id=plan)["rejected_at"]
    with pytest.raises(PaytRejected):
        client.write_one(op.APPROVE_PAYMENT_PLAN, payt_id=plan)
    with pytest.raises(PaytNotFound):
        client.write_one(op.APPROVE_PAYMENT_PLAN, payt_id="1")
    plan = client.write_one(op.CREATE_PAYMENT_PLAN, examples.plan())["id"]
    assert client.write_one(op.DEACTIVATE_PAYMENT_PLAN, payt_id=plan)["deactivated_at"]


def test_a_plans_terms_add_up_to_what_is_open(client, play):
    from payt_api import PaytRejected

    with pytest.raises(PaytRejected, match="add up"):
        client.write_one(
            op.CREATE_PAYMENT_PLAN, {**examples.plan(), "terms": [{"amount": 1, "due_date": "2026-12-01"}]}
        )


def test_a_dispute_pauses_the_invoice_and_leaves_a_note(play, read, invoice):
    play("dispute", invoice=NUMBER, content="Never ordered")
    assert (read("notes")[0]["content"], bool(invoice()["paused_at"])) == ("Never ordered", True)


def test_a_deleted_invoice_is_gone_but_listed(play, read, client):
    play("delete", resource="invoices", invoice=NUMBER)
    assert read("invoices") == []
    (page,) = client.iter_deleted("invoices", deleted_after="2026-01-01T00:00:00Z")
    assert page.records[0]["invoice_number"] == NUMBER


def test_a_deleted_payment_opens_the_invoice(play, read, invoice):
    play("pay", invoice=NUMBER)
    play("delete", resource="payments", id=read("payments")[0]["id"])
    assert invoice()["open_amount"] == "121.00"


@pytest.mark.parametrize(
    "wrong", [{"do": "fly"}, {"do": "pay"}, {"do": "pay", "invoice": "X"}, {"do": "bailiff", "invoice": NUMBER}]
)
def test_what_cannot_be_played_is_said(play, sandbox, wrong):
    import requests

    answer = requests.post(f"{sandbox.url}/_sandbox/play", json=wrong, timeout=5)
    assert (answer.status_code, answer.json()["code"]) == (422, "unprocessable_entity")
