from decimal import ROUND_HALF_UP, Decimal


def changed_values(record, values):
    """The part of ``values`` that would change ``record``.

    :param record: one record
    :param values: dict as given to ``write``, without commands
    :rtype: dict
    """

    def as_stored(name, value):
        return record._fields[name].convert_to_cache(value, record) or False

    return {name: value for name, value in values.items() if as_stored(name, value) != as_stored(name, record[name])}


def includes_vat(taxes):
    """Whether prices with these taxes include VAT; ``account.tax`` records, groups too."""
    return any(taxes.flatten_taxes_hierarchy().mapped("price_include"))


def indexed_price(price, percentage, rounding):
    """A price raised, or lowered, by a percentage.

    :param float price: as agreed
    :param float percentage: 3.2 for 3.2 %
    :param float rounding: the smallest step of the currency; halves are rounded away from zero
    :rtype: float
    """
    step = Decimal(str(rounding))
    exact = Decimal(str(price)) * (100 + Decimal(str(percentage))) / 100
    return float((exact / step).quantize(Decimal(1), ROUND_HALF_UP) * step)
