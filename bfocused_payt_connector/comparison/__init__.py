"""Comparing PAYT's invoices with Odoo's: what isn't the same, and why."""

from .causes import NOT_THERE  # noqa: F401
from .comparer import COMPARED_FIELDS, Comparer  # noqa: F401
