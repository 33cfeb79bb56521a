"""R5, the deferral of small invoices: which one waits for the quarter turn, until when, and what releases it.

Functions of values, without records. A billing run and a person who confirms a draft ask the same questions here.
Two differences between them are in what they ask, and are named at the arguments: a run decides as of its own date
(``today``), and only a run has drafts that go along and credits to set off.
"""

from collections.abc import Callable
from datetime import date
from typing import NamedTuple

from odoo.tools import float_compare

from .periods import is_quarter_turn, next_quarter


class DeferralTerms(NamedTuple):
    """What holds for a customer under R5; ``res.partner._get_deferral_terms`` reads it from where it is set."""

    wish: str | bool = False  # "always", "never", or empty where the minimum decides
    minimum: float = 0.0  # an invoice under it waits; in the company's currency
    amount_field: str = "amount_total"  # of an invoice: what is compared with the minimum
    release: str = "quarter"  # "threshold" where what waits is also released as it reaches the minimum


class Deferral(NamedTuple):
    """What R5 decides of an invoice."""

    until: date | None  # the quarter turn it waits for; ``None`` when it is invoiced now
    reason: str  # what decided


def get_deferral(
    day: date,
    today: date,
    terms: DeferralTerms,
    is_small: Callable[[], bool],
    *,
    is_completed: Callable[[], bool] = lambda: False,
    takes_released: bool = False,
    is_lone_credit: bool = False,
) -> Deferral:
    """R5: whether an invoice waits for the quarter turn, as it is too small or the customer wants one a quarter.

    :param day: date of the invoice
    :param today: day on which it is decided; for a run its own date, whenever it is executed
    :param terms: of the customer
    :param is_small: says whether it is under the minimum; asked only where that decides, as it may cost a look-up
    :param is_completed: says whether with what else waits the minimum is reached; asked only where that decides
    :param takes_released: whether it takes drafts along that waited and are released
    :param is_lone_credit: whether nothing is left to pay after what is given back, and no draft waits to set it off
    """
    turn = next_quarter(day)
    if is_quarter_turn(day):
        return Deferral(None, "quarter turn")
    if turn <= today:
        return Deferral(None, "quarter turn passed")
    if takes_released:
        return Deferral(None, "takes released drafts along")
    if is_lone_credit:
        return Deferral(None, "gives back")
    if terms.wish:
        return Deferral(turn if terms.wish == "always" else None, f"customer wants {terms.wish}")
    if not is_small():
        return Deferral(None, "reaches the minimum")
    if is_completed():
        return Deferral(None, "reaches the minimum with what waits")
    return Deferral(turn, "under the minimum")


def get_set_off(total: float, waiting: list[float], rounding: float) -> list[int]:
    """R5: the drafts that wait against which what a customer is owed is set off, whichever is larger.

    That is the first one that covers it, or else as many as it takes, in their order; all where they don't cover it.

    :param total: what the customer is owed, negative
    :param waiting: totals of the drafts, in the same currency
    :param rounding: the smallest step of that currency
    :return: indexes in ``waiting``; empty when nothing is owed
    """
    if float_compare(total, 0, precision_rounding=rounding) >= 0:
        return []
    for number, amount in enumerate(waiting):
        if float_compare(total + amount, 0, precision_rounding=rounding) >= 0:
            return [number]
    chosen = []
    for number, amount in enumerate(waiting):
        chosen.append(number)
        total += amount
        if float_compare(total, 0, precision_rounding=rounding) >= 0:
            break
    return chosen


def get_covered(total: float, waiting: list[float], rounding: float) -> list[int]:
    """R5: the drafts that can't be collected, but that what a customer is owed pays for whole, in their order.

    :param total: what the customer is owed, negative
    :param waiting: totals of the drafts, in the same currency
    :param rounding: the smallest step of that currency
    :return: indexes in ``waiting``
    """
    covered = []
    for number, amount in enumerate(waiting):
        if float_compare(total + amount, 0, precision_rounding=rounding) <= 0:
            covered.append(number)
            total += amount
    return covered


def is_released(until: date | bool, terms: DeferralTerms, today: date) -> bool:
    """R5: whether a draft that waits goes with what is invoiced ``today``.

    It does in the first month of a quarter, once the turn it waited for has come, and where the customer doesn't want
    to wait any more.

    :param until: the quarter turn it waits for, if any
    :param terms: of the customer
    """
    return is_quarter_turn(today) or bool(until and until <= today) or terms.wish == "never"


def is_total_released(terms: DeferralTerms, get_total: Callable[[], float], rounding: float) -> bool:
    """R5: whether what waits for a customer is released as it reaches the minimum, taken together.

    :param terms: of the customer; with a wish, it isn't the minimum that it waits for
    :param get_total: gives the total of all that waits and what is new, in the currency of the minimum; asked only
        where that decides
    :param rounding: the smallest step of that currency
    """
    if terms.release != "threshold" or terms.wish:
        return False
    return float_compare(get_total(), terms.minimum, precision_rounding=rounding) >= 0
