"""Equal instalments of an amount, without Odoo."""

from decimal import Decimal

from dateutil.relativedelta import relativedelta


def equal_instalments(amount, count, first_date, step=Decimal("0.01")):
    """An amount in equal monthly parts, which together are exactly that amount.

    What doesn't divide goes to the first ones, a step each, so no two parts differ by more than that.

    :param Decimal amount: above zero, in whole steps
    :param int count: how many parts
    :param date first_date: when the first is due; the others on the same day of the next months, or on the last day of
        a shorter month
    :param Decimal step: the smallest amount of the currency
    :return: list of (date, Decimal)
    :raise ValueError: when there would be parts of nothing
    """
    steps = amount / step
    if steps != int(steps):
        raise ValueError("The amount isn't in whole steps.")
    if not 1 <= count <= steps:
        raise ValueError("There are fewer steps than instalments.")
    base, rest = divmod(int(steps), count)
    return [(first_date + relativedelta(months=number), (base + (number < rest)) * step) for number in range(count)]
