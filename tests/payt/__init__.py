"""PAYT without Odoo: the client of the add-on against the sandbox, and the sandbox itself."""

from . import without_odoo
