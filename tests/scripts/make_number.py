"""A number whose calls a customer pays."""

customer = env["sale.subscription"].search([], limit=1).partner_id  # noqa: F821
env["bfocused.usage.number"].create({"name": "0201234567", "partner_id": customer.id})  # noqa: F821
