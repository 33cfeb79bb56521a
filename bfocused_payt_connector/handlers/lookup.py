"""Which Odoo record is this at PAYT: the one place that answers it.

``backend`` is the ``payt.backend`` record everywhere, ``payt_ids`` are ids of PAYT as text or number. Records are found
in superuser mode.
"""

from odoo.tools import float_compare

# What follows PAYT's records of a kind
MODELS = {"debtors": "res.partner", "invoices": "account.move"}

# === WHAT WAS READ


def get_rows(backend, resource, payt_ids):
    """What was read of these records.

    :return: dict of PAYT id to ``payt.mirror`` record
    """
    wanted = {str(payt_id) for payt_id in payt_ids if payt_id}
    rows = backend.env["payt.mirror"].sudo()
    # what PAYT said is big: it is only read where it is asked for
    rows = rows.search_fetch(
        [("backend_id", "=", backend.id), ("resource", "=", resource), ("payt_id", "in", sorted(wanted))],
        ["payt_id", "state", "model", "res_id"],
    )
    return {row.payt_id: row for row in rows}


def get_rows_of_invoices(backends, payt_ids, resources=("invoices", "payments")):
    """What was read of these invoices and of their payments.

    :param backends: one connection or several
    :param payt_ids: PAYT's ids of the invoices, as text
    :param resources: which of both
    """
    rows = backends.env["payt.mirror"].sudo()
    if not payt_ids or not backends:
        return rows
    rows.flush_model()
    ids = []
    for resource, name in (("invoices", "payt_id"), ("payments", "payload->>'invoice_id'")):
        if resource in resources:
            backends.env.cr.execute(
                f"""SELECT id FROM payt_mirror
                     WHERE backend_id = ANY(%s) AND resource = '{resource}' AND {name} = ANY(%s) ORDER BY id""",
                [backends.ids, list(payt_ids)],
            )
            ids += [row_id for [row_id] in backends.env.cr.fetchall()]
    return rows.browse(ids)


def get_rows_of_transaction(backend, transaction_id):
    """PAYT's payments and reversals with a provider's transaction."""
    rows = backend.env["payt.mirror"].sudo()
    rows.flush_model()
    backend.env.cr.execute(
        """
        SELECT id FROM payt_mirror
         WHERE backend_id = %s AND resource = 'payments' AND payload -> 'psp_transaction' ->> 'id' = %s
           AND deleted_at IS NULL ORDER BY id""",
        [backend.id, transaction_id],
    )
    return rows.browse([row_id for [row_id] in backend.env.cr.fetchall()])


def get_followers(backend, resource, payt_ids):
    """The Odoo records that follow records of PAYT.

    :param resource: name in ``MODELS``
    :return: dict of PAYT id to record, empty for what was read and isn't ours; what wasn't read isn't in it
    """
    return _get_followers(backend, MODELS[resource], get_rows(backend, resource, payt_ids))


def _get_followers(backend, model, rows):
    records = backend.env[model].sudo()
    following = {payt_id: row.res_id for payt_id, row in rows.items() if row.model == model and row.res_id}
    existing = {record.id: record for record in records.browse(following.values()).exists()}
    return {payt_id: existing.get(following.get(payt_id), records) for payt_id in rows}


# === INVOICES


def find_moves(backend, records):
    """The Odoo invoices that these invoices of PAYT are.

    The number has to be that of the Odoo invoice. But an administration may have invoices of other senders, with
    numbers and identifiers like ours, so something else has to fit too: the identifier, which is the id we gave it; or
    PAYT's id, when the Odoo invoice followed this record before; or the amount, when somebody else handed it over
    before us.

    :param records: dict of PAYT id to PAYT's record, as listed or as listed among the deleted ones
    :return: dict of PAYT id to ``account.move`` record; those that aren't ours aren't in it
    """
    moves = backend.env["account.move"].sudo()
    numbers = {record.get("invoice_number") for record in records.values()} - {None, "", False}
    found = moves.search(
        [
            ("company_id", "=", backend.company_id.id),
            ("move_type", "in", moves.get_sale_types()),
            ("name", "in", list(numbers)),
        ]
    )
    by_name = found.grouped("name")
    followers = get_followers(backend, "invoices", records) if found else {}
    chosen = {
        payt_id: _choose_move(record, by_name.get(record.get("invoice_number"), moves), followers.get(payt_id))
        for payt_id, record in records.items()
    }
    return {payt_id: move for payt_id, move in chosen.items() if move}


def _choose_move(record, candidates, follower):
    """The one among Odoo's invoices of this number that PAYT's record is.

    :param follower: the invoice that followed the record before, if any
    """
    # the list of deleted ones names the identifier in another way, and has no amounts
    identifier = record.get("invoice_identifier") or record.get("origin_identifier")
    own = candidates.filtered(lambda move: str(move.id) == identifier)
    own = own or candidates.filtered(lambda move: move == follower)
    if own or "total_amount" not in record:
        return own
    total = abs(float(record["total_amount"] or 0))
    return candidates.filtered(lambda move: not float_compare(move.amount_total, total, precision_digits=2))[:1]


def can_be_here(backend, number, payt_id):
    """Whether an event may be about an invoice of ours: one with this number, or one that was read before.

    That is less than :func:`find_moves` asks for. It only decides whether PAYT is asked to tell it again later.
    """
    moves = backend.env["account.move"].sudo()
    ours = [
        ("company_id", "=", backend.company_id.id),
        ("move_type", "in", moves.get_sale_types()),
        ("name", "=", str(number)),
    ]
    return bool(moves.search_count(ours, limit=1) or get_rows(backend, "invoices", [payt_id]))


def get_move_of_event(backend, context):
    """The invoice an event speaks of, if it does.

    :param context: of the event
    """
    moves = backend.env["account.move"].sudo()
    if context.get("resource_type") != "invoice":
        return moves
    return get_followers(backend, "invoices", [context.get("id")]).get(str(context.get("id")), moves)


# === CUSTOMERS


def find_debtors(backend, records):
    """The customers that these debtors of PAYT are: those who followed them before, or have the number we gave.

    :param records: dict of PAYT id to PAYT's record
    :return: dict of PAYT id to ``res.partner`` record; those that aren't ours aren't in it
    """
    return _find_debtors(backend, records, get_rows(backend, "debtors", records))


def _find_debtors(backend, records, rows):
    followers = _get_followers(backend, "res.partner", rows)
    by_number = find_debtors_by_number(backend, [record.get("debtor_number") for record in records.values()])
    found = {
        payt_id: followers.get(payt_id) or by_number.get(record.get("debtor_number"))
        for payt_id, record in records.items()
    }
    return {
        payt_id: partner.with_company(backend.company_id).commercial_partner_id
        for payt_id, partner in found.items()
        if partner
    }


def find_debtors_by_number(backend, numbers):
    """Customers by the number we gave them.

    :return: dict of number to ``res.partner`` record
    """
    partners = backend.env["res.partner"].sudo().with_company(backend.company_id)
    wanted = list(set(numbers) - {None, "", False})
    found = partners.with_context(active_test=False).search([("payt_debtor_number", "in", wanted)])
    return {partner.payt_debtor_number: partner.commercial_partner_id for partner in partners.browse(found.ids)}


def get_debtors(backend, payt_ids):
    """The customers of debtors that other records name.

    :return: dict of PAYT id to ``res.partner`` record, empty for who isn't ours; who wasn't read isn't in it
    """
    rows = get_rows(backend, "debtors", payt_ids)
    found = _find_debtors(backend, {payt_id: row.payload or {} for payt_id, row in rows.items()}, rows)
    nobody = backend.env["res.partner"].sudo().with_company(backend.company_id)
    return {payt_id: found.get(payt_id, nobody) for payt_id in rows}


def get_debtor(backend, payt_id, number=None):
    """One customer, by PAYT's id or else by the number we gave; maybe empty."""
    partner = get_debtors(backend, [payt_id]).get(str(payt_id))
    nobody = backend.env["res.partner"].sudo().with_company(backend.company_id)
    return partner or find_debtors_by_number(backend, [number]).get(number) or nobody


# === WHAT ELSE


def find_credit_cases(backend, payt_ids):
    """Credit cases, closed ones too.

    :return: dict of PAYT id to ``payt.credit.case`` record
    """
    cases = backend.env["payt.credit.case"].sudo().with_context(active_test=False)
    wanted = [str(payt_id) for payt_id in payt_ids if payt_id]
    cases = cases.search([("backend_id", "=", backend.id), ("payt_id", "in", wanted)])
    return {case.payt_id: case for case in cases}


def find_payment(backend, payt_id):
    """The payment that was booked for a payment of PAYT, or that it takes back; maybe empty."""
    payments = backend.env["account.payment"].sudo()
    return payments.search(
        [
            ("company_id", "=", backend.company_id.id),
            *("|", "|", ("payt_payment_id", "=", payt_id), ("payt_reversal_id", "=", payt_id)),
            ("payt_reversal_ids.payt_id", "=", payt_id),
        ],
        limit=1,
    )
