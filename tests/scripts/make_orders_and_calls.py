"""Hours on orders and calls in the month before each of the given days, for some of the customers that can be billed.

Arguments: dates of billing runs, first to last.
"""

import base64
import sys
from datetime import date, timedelta

CUSTOMERS = 8

env = env  # noqa: F821, PLW0127
turns = [date.fromisoformat(day) for day in sys.argv[1:]]
months = [turn - timedelta(days=12) for turn in turns]
hours = env["product.product"].create(
    {
        "name": "Engineer",
        "list_price": 90.0,
        "type": "service",
        "service_policy": "delivered_timesheet",
        "service_tracking": "task_in_project",
    }
)
employee = env["hr.employee"].create({"name": "Piet"})
customers = env["sale.subscription"].search([]).partner_id.commercial_partner_id.sorted("id")
customers = customers.filtered(lambda customer: customer.mandate_status == "valid")[:CUSTOMERS]  # others are held
assert len(customers) == CUSTOMERS
calls = ["number,dialled,started_at,seconds,amount,destination,call_id"]
for index, customer in enumerate(customers):
    order = env["sale.order"].create(
        {"partner_id": customer.id, "order_line": [(0, 0, {"product_id": hours.id, "product_uom_qty": 100})]}
    )
    order.action_confirm()
    order.date_order = f"{months[0]} 12:00:00"
    task = order.order_line.task_id
    env["account.analytic.line"].create(
        [
            {
                "name": "Work",
                "project_id": task.project_id.id,
                "task_id": task.id,
                "employee_id": employee.id,
                "date": day,
                "unit_amount": 1.5,
            }
            for day in months
        ]
    )
    number = f"02077700{index:02}"
    env["bfocused.usage.number"].create({"name": number, "partner_id": customer.id})
    calls += [f"{number},0612345678,{day} 10:00:00,60,0.12,mobile,{number}-{day}" for day in months]
content = base64.b64encode("\n".join(calls).encode())
profile = env.ref("bfocused_billing.usage_profile_generic")
wizard = env["bfocused.usage.import"].create({"profile_id": profile.id, "file": content, "filename": "calls.csv"})
file = env["bfocused.usage.file"].browse(wizard.action_import()["res_id"])
assert file.new_count == len(calls) - 1, file.read()
