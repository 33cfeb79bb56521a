class PaytWaits(Exception):
    """What a record of PAYT refers to isn't here yet; it is followed as soon as that is."""


class PaytLeft(Exception):
    """There is nothing to book in Odoo for a record of PAYT, and a person may want to know why.

    :param moves: ``account.move`` records of which PAYT has to hear again, as it counts this in now
    """

    def __init__(self, message, moves=None):
        super().__init__(message)
        self.moves = moves


class Handler:
    """How Odoo follows PAYT's records of one kind.

    A handler is made for a batch: rows of ``payt.mirror`` of one resource and one connection, in its company.
    ``payt.mirror`` calls, in this order:

    1. :meth:`prepare`, once: reads what all the rows need. When it raises, the batch is halved until the row that is
       in the way stands alone.
    2. :meth:`get_idle`, once: the rows for which there is nothing to do. They are done at once, not one by one.
    3. :meth:`follow` for each of the other rows, in a savepoint of its own. It calls :meth:`apply`, or
       :meth:`apply_deleted` for what was deleted at PAYT.
    4. :meth:`finish`, once: what these records mean for rows of other resources.

    ``apply`` and ``apply_deleted`` may be called again for the same record and then change nothing, whatever order
    the rows came in. They return the Odoo record that follows the row, or nothing. They raise

    - :class:`PaytWaits` when something isn't there yet,
    - :class:`PaytLeft` when there is nothing to do and the row should say why,
    - ``UserError`` with a sentence for a person when they can't do it, as when an account isn't chosen.

    After an error nothing of the row was done, and the other rows go on.

    Another add-on puts a class of its own into the table: ``HANDLERS["payments"] = OtherPaymentsHandler``.

    :cvar resource: name in ``const.READ_RESOURCES``
    :cvar context: what the context of the rows has besides
    """

    resource = ""
    context = {}

    def __init__(self, rows):
        self.rows = rows.sudo().with_context(**self.context)
        self.env = self.rows.env
        self.backend = self.rows.backend_id
        self.company = self.backend.company_id

    def prepare(self):
        """Read what all the rows need."""

    def get_idle(self):
        """The rows that mean nothing to Odoo."""
        return self.rows.browse()

    def follow(self, row):
        """Follow one row.

        :return: the Odoo record that follows it, or nothing
        """
        row = row.with_env(self.env)
        return self.apply_deleted(row) if row.deleted_at else self.apply(row)

    def apply(self, row):
        """Do in Odoo what PAYT says of a record."""

    def apply_deleted(self, row):
        """Do in Odoo what follows from the deletion of a record at PAYT."""

    def finish(self):
        """Do what these records mean for rows of other resources."""
