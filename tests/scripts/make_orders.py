"""Confirmed orders of December 2025 for some customers: a delivered product, a one-off line and hours."""

product = env["product.product"].create  # noqa: F821
cable = product({"name": "Cable", "list_price": 100.0, "invoice_policy": "delivery"})
switch = product({"name": "Switch", "list_price": 200.0, "invoice_policy": "order"})
hours = product(
    {
        "name": "Engineer",
        "list_price": 90.0,
        "type": "service",
        "service_policy": "delivered_timesheet",
        "service_tracking": "task_in_project",
    }
)
employee = env["hr.employee"].create({"name": "Piet"})  # noqa: F821
customers = env["sale.subscription"].search([]).partner_id.commercial_partner_id.sorted("id")  # noqa: F821
customers = customers.filtered(lambda customer: customer.mandate_status == "valid")[:20]  # others are held
assert len(customers) == 20
for customer in customers:
    order = env["sale.order"].create(  # noqa: F821
        {
            "partner_id": customer.id,
            "order_line": [(0, 0, {"product_id": item.id, "product_uom_qty": 3}) for item in (cable, switch, hours)],
        }
    )
    order.action_confirm()
    order.date_order = "2025-12-10 12:00:00"
    order.order_line[0].qty_delivered = 2
    task = order.order_line[2].task_id
    env["account.analytic.line"].create(  # noqa: F821
        {
            "name": "Work",
            "project_id": task.project_id.id,
            "task_id": task.id,
            "employee_id": employee.id,
            "date": "2025-12-11",
            "unit_amount": 1.5,
        }
    )
