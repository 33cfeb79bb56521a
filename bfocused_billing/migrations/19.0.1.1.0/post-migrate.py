from odoo import SUPERUSER_ID, api


def migrate(cr, version):
    """Tell credit notes from before what they give back, and find the credits that are owed since."""
    env = api.Environment(cr, SUPERUSER_ID, {})
    link_credit_notes(env)
    env["sale.subscription.line"].search([])._compute_next_billing_date()


def link_credit_notes(env):
    """Lines of a credit note know the invoice line they credit; before, only the credit note knew its invoice."""
    notes = env["account.move"].search(
        [
            ("move_type", "=", "out_refund"),
            ("reversed_entry_id.invoice_line_ids.charge_ids", "!=", False),
            ("company_id.use_billing", "=", True),
        ]
    )
    for note in notes:
        billed = list(note.reversed_entry_id.invoice_line_ids.filtered("charge_ids").sorted("id"))
        for line in note.invoice_line_ids.filtered(lambda line: not line.refunded_line_id).sorted("id"):
            found = next((other for other in billed if _is_credit_of(line, other)), None)
            if found:
                billed.remove(found)
                line.refunded_line_id = found


def _is_credit_of(line, billed):
    """Whether a line of a credit note may be the one that Odoo copied from ``billed``."""
    return all(line[name] == billed[name] for name in ("product_id", "start_date", "end_date"))
