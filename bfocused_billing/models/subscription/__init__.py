"""Subscriptions: products and cycles, terms, changes, pauses and indexations."""

from . import (
    account_tax,
    product_category,
    product_template,
    sale_order,
    sale_order_line,
    sale_subscription,
    sale_subscription_line,
    sale_subscription_pause,
    sale_subscription_template,
    subscription_indexation,
    subscription_indexation_line,
    subscription_pause,
)
