import logging

from odoo import SUPERUSER_ID, api
from odoo.tools import format_date

_logger = logging.getLogger(__name__)


def migrate(cr, version):
    """Say which days were, or would be, billed on two lines of a chain, before the database refuses that."""
    env = api.Environment(cr, SUPERUSER_ID, {})
    for first, second, start, end in _find_doubles(cr):
        _logger.warning("Days %s to %s are on two charges of a chain of lines: %s and %s", start, end, first, second)
        charge = env["bfocused.billing.charge"].browse(second)
        company_env = charge.with_company(charge.company_id).env
        charge.subscription_id.with_env(company_env).message_post(
            body=company_env._(
                "The days %(start)s to %(end)s were billed on two lines that follow each other, on %(first)s and on "
                "%(second)s. Look whether the customer is owed a credit note.",
                start=format_date(env, start),
                end=format_date(env, end),
                first=charge.browse(first).move_id.display_name,
                second=charge.move_id.display_name,
            )
        )
    _tell_beside(env)


def _tell_beside(env):
    """Say which lines of a chain serve the same days: a day of theirs is billed on one, and then the run refuses it."""
    for first, second, start in _find_beside(env.cr):
        _logger.warning("From %s on two lines of a chain serve the same days: %s and %s", start, first, second)
        line = env["sale.subscription.line"].browse(second)
        subscription = line.sale_subscription_id
        company_env = subscription.with_company(subscription.company_id).env
        subscription.with_env(company_env).message_post(
            body=company_env._(
                "%(first)s and %(second)s follow each other, but both serve the days from %(start)s on, which are "
                "billed once only. Correct the first day of the one or the end of the other: until then billing this "
                "customer can fail.",
                first=line.browse(first).name,
                second=line.name,
                start=format_date(env, start),
            )
        )


def _find_beside(cr):
    """Pairs of lines of a chain that serve the same days, with the first of those."""
    cr.execute("""
        WITH served AS (
            SELECT line.id, line.chain_id,
                   daterange(
                       COALESCE(line.date_start, subscription.date_start), LEAST(line.date_end, subscription.date)
                   ) AS days
              FROM sale_subscription_line line
              JOIN sale_subscription subscription ON subscription.id = line.sale_subscription_id
             WHERE COALESCE(line.date_start, subscription.date_start)
                   < COALESCE(line.date_end, subscription.date, 'infinity')
               AND COALESCE(line.date_start, subscription.date_start) < COALESCE(subscription.date, 'infinity')
        )
        SELECT one.id, other.id, lower(one.days * other.days)
          FROM served one
          JOIN served other ON one.chain_id = other.chain_id AND one.id < other.id AND one.days && other.days
         ORDER BY one.id, other.id
    """)
    return cr.fetchall()


def _find_doubles(cr):
    """Pairs of live charges of different lines of a chain with the days that none of both gave back."""
    cr.execute("""
        WITH billed AS (
            SELECT charge.id, charge.chain_id, charge.subscription_line_id, charge.period_start, charge.period_end,
                   datemultirange(daterange(charge.period_start, charge.period_end, '[]')) - COALESCE((
                       SELECT range_agg(daterange(credit.period_start, credit.period_end, '[]'))
                         FROM bfocused_billing_charge credit
                        WHERE credit.credited_charge_id = charge.id AND credit.state <> 'void'
                   ), '{}'::datemultirange) AS days
              FROM bfocused_billing_charge charge
             WHERE charge.state <> 'void' AND charge.is_credit IS NOT TRUE
               AND charge.kind IN ('subscription', 'adjustment')
        )
        SELECT one.id, other.id, lower(one.days * other.days), upper(one.days * other.days) - 1
          FROM billed one
          JOIN billed other
            ON one.chain_id = other.chain_id AND one.id < other.id
           AND one.subscription_line_id <> other.subscription_line_id
           AND one.period_start <= other.period_end AND other.period_start <= one.period_end
         WHERE one.days && other.days
         ORDER BY one.id, other.id
    """)
    return cr.fetchall()
