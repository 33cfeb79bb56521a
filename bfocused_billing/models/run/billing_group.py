from ...drafting.group import BillingGroup, Due, Item, Sold  # noqa: F401
from ...drafting.terms import InvoiceTerms as GroupKey  # noqa: F401
