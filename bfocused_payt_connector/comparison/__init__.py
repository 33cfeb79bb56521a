"""Comparing PAYT's invoices with Odoo's: what isn't the same, and why."""

from .comparer import COMPARED_FIELDS, Comparer  # noqa: F401
