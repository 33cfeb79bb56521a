import logging

_logger = logging.getLogger(__name__)


def migrate(cr, version):
    """Lines and charges know their chain before the database refuses a day twice on a chain of lines.

    What is in the ledger is numbered in the order in which it was billed, so that the new constraint holds for it.
    """
    cr.execute("ALTER TABLE sale_subscription_line ADD COLUMN IF NOT EXISTS chain_id integer")
    _find_chains(cr)
    while _break_cycle(cr):
        _find_chains(cr)
    cr.execute("""
        ALTER TABLE bfocused_billing_charge
            ADD COLUMN IF NOT EXISTS chain_id integer,
            ADD COLUMN IF NOT EXISTS chain_round integer
    """)
    cr.execute("""
        UPDATE bfocused_billing_charge charge
           SET chain_id = line.chain_id, chain_round = charge.billing_round
          FROM sale_subscription_line line
         WHERE line.id = charge.subscription_line_id
    """)
    _number(cr)


def _find_chains(cr):
    cr.execute("""
        WITH RECURSIVE chain AS (
            SELECT id, id AS first FROM sale_subscription_line WHERE predecessor_id IS NULL
            UNION
            SELECT line.id, chain.first FROM sale_subscription_line line JOIN chain ON line.predecessor_id = chain.id
        )
        UPDATE sale_subscription_line line SET chain_id = chain.first FROM chain WHERE chain.id = line.id
    """)


def _break_cycle(cr):
    """Let a line that took over from itself, directly or not, be the first of its chain; whether there was one."""
    cr.execute("""
        WITH RECURSIVE walk AS (
            SELECT id AS first, predecessor_id AS reached FROM sale_subscription_line WHERE chain_id IS NULL
            UNION
            SELECT walk.first, line.predecessor_id FROM walk JOIN sale_subscription_line line ON line.id = walk.reached
        )
        UPDATE sale_subscription_line SET predecessor_id = NULL
         WHERE id = (SELECT min(first) FROM walk WHERE first = reached)
     RETURNING id, split_part(name, chr(10), 1)
    """)
    [broken] = cr.fetchall() or [None]
    if broken:
        _logger.warning("Line %s (%s) took over from a line after it: it is the first of its chain now", *broken)
    return bool(broken)


def _number(cr):
    """Number the charges of chains of several lines; a credit belongs to what it gives back."""
    cr.execute("""
        SELECT charge.chain_id, charge.id, charge.period_start, charge.period_end, charge.state
          FROM bfocused_billing_charge charge
         WHERE charge.is_credit IS NOT TRUE
           AND charge.chain_id IN (
               SELECT chain_id FROM sale_subscription_line GROUP BY chain_id HAVING count(*) > 1
           )
         ORDER BY charge.chain_id, charge.id
    """)
    numbers, billed, chain = {}, [], None
    for chain_id, charge_id, start, end, state in cr.fetchall():
        if chain_id != chain:
            chain, billed = chain_id, []
        before = [number for first, last, number in billed if first <= end and start <= last]
        numbers[charge_id] = max(before, default=-1) + 1
        if state != "void":
            billed.append((start, end, numbers[charge_id]))
    if numbers:
        cr.execute(
            """
            UPDATE bfocused_billing_charge charge
               SET chain_round = numbered.number
              FROM unnest(%s, %s) AS numbered (id, number)
             WHERE numbered.id IN (charge.id, charge.credited_charge_id)
            """,
            [list(numbers), list(numbers.values())],
        )
