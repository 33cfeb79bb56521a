def changed_values(record, values):
    """The part of ``values`` that would change ``record``.

    :param record: one record
    :param values: dict as given to ``write``, without commands
    :rtype: dict
    """

    def as_stored(name, value):
        return record._fields[name].convert_to_cache(value, record) or False

    return {name: value for name, value in values.items() if as_stored(name, value) != as_stored(name, record[name])}
