"""What has to go on working in an Odoo from which the add-ons were removed again."""

env = env  # noqa: F821, PLW0127
assert not env["ir.model"].search([("model", "like", "bfocused")])
assert not env["ir.module.module"].search([("name", "like", "bfocused"), ("state", "!=", "uninstalled")])

product = env["product.product"].search([("default_code", "=", "UUR-SYS")])
customer = env["res.partner"].search([("ref", "=", "K1003")])
order = env["sale.order"].create({"partner_id": customer.id, "order_line": [(0, 0, {"product_id": product.id})]})
order.action_confirm()
order.order_line.qty_delivered = 1
invoice = order._create_invoices()
invoice.action_post()
assert invoice.state == "posted"

subscription = env["sale.subscription"].search([("code", "=", "AB-2026-0002")])
assert subscription.template_id.recurring_interval == 3
assert str(subscription.recurring_next_date) == "2026-04-01"
# 'subscription_oca' itself needs the account on the product or its category
account = env["account.account"].search([("account_type", "=", "income")], limit=1)
subscription.sale_subscription_line_ids.product_id.property_account_income_id = account
assert subscription.create_invoice().amount_total

env["res.config.settings"].create({}).execute()
for model in ("account.move", "sale.order", "sale.subscription", "product.template", "product.category", "res.partner"):
    env[model].get_views([(False, "list"), (False, "form"), (False, "search")])
