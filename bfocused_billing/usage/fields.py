from odoo import fields


class BigInteger(fields.Integer):
    """An integer of 64 bits."""

    _column_type = ("int8", "int8")


class LooseMany2one(fields.Many2one):
    """A link without foreign key, for tables with millions of rows whose links are written by a join.

    Checking a foreign key row by row takes longer than all the rest of an import. The statement that writes such a link
    finds the linked row itself, and the linked model refuses to be deleted.
    """

    def update_db_foreign_key(self, model, column):
        # OVERRIDE 'odoo'
        pass
