from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ...usage import BigInteger, LooseMany2one, UsageBooking, reference_key


class UsageRecord(models.Model):
    """One call of a supplier's file. Written by the import, in bulk; in a charge, or waiting for a number or a rate."""

    _name = "bfocused.usage.record"
    _description = "Call Record"
    _order = "started_at desc, id desc"
    _log_access = False  # the file tells who and when, for all its calls at once
    _rec_name = "number"

    file_id = LooseMany2one("bfocused.usage.file", required=True, ondelete="restrict")
    company_id = fields.Many2one(related="file_id.company_id")
    line = fields.Integer(aggregator=None, help="Line in the file.")
    number = fields.Char(help="Number, extension or account that pays, in international form.")
    dialled = fields.Char(string="Dialled number")
    started_at = fields.Datetime(string="Started")
    seconds = fields.Integer(help="Duration that is billed, in seconds.")
    cost = fields.Float(string="Supplier's amount", digits=(16, 6), help="In the company's currency, without VAT.")
    amount = fields.Float(digits=(16, 6), help="What the customer pays, in the company's currency, without VAT.")
    supplier_class = fields.Char(string="Supplier's class")
    reference = fields.Char()
    problem = fields.Selection([("unknown", "Unknown number"), ("unrated", "No rate")], string="Waits for")
    charge_id = LooseMany2one("bfocused.billing.charge", string="Charge", index="btree_not_null", ondelete="restrict")
    usage_number_id = fields.Many2one(related="charge_id.usage_number_id", string="Number of")
    destination_id = fields.Many2one(related="charge_id.usage_destination_id", string="Destination class")
    partner_id = fields.Many2one(related="charge_id.partner_id")
    charge_state = fields.Selection(related="charge_id.state")
    fingerprint = BigInteger(
        aggregator=None, help="Of the profile and the reference, or else of what the row says; and of the company."
    )
    occurrence = fields.Integer(aggregator=None, help="1, or more for equal rows in one file.")

    # Each call is in one of these two. A reference makes a call unique whatever else its row says; then the fingerprint
    # is of profile and reference. That alone would do, but in the order of a hash each call of a file goes to another
    # page of the index; suppliers count their references up, so that with its prefix those of one file lie together.
    _stored_once = models.UniqueIndex(
        "(started_at, fingerprint, occurrence) WHERE reference IS NULL", "This call was imported already."
    )
    _reference_once = models.UniqueIndex(
        f"({reference_key('reference')}, fingerprint) WHERE reference IS NOT NULL",
        "A call with this reference was imported already.",
    )
    _of_file = models.Index("USING brin (file_id)")
    _waiting = models.Index("(number) WHERE charge_id IS NULL")

    def init(self):
        # an import takes ids by the million
        self.env.cr.execute(SQL("ALTER SEQUENCE %s CACHE 1000", SQL.identifier(f"{self._table}_id_seq")))

    # === ACTIONS

    @api.model
    def action_book_waiting(self):
        """Rate and book all calls of the company that wait for a number or a rate."""
        self.env["bfocused.usage.file"].check_access("write")
        booked = sum(UsageBooking(self.env, company).book_waiting() for company in self.env.companies)
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success" if booked else "warning",
                "message": self.env._("%s calls were rated and booked.", booked),
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    @api.ondelete(at_uninstall=False)
    def _unlink_never(self):
        raise UserError(self.env._("Call records are kept: they tell what was billed and what was imported before."))
