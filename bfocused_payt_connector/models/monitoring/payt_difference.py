from psycopg2.extras import execute_values

from odoo import api, fields, models
from odoo.tools import format_amount

from ..outgoing.account_move import STATES

COLUMNS = (
    *("backend_id", "company_id", "kind", "number", "move_id", "payt_id", "here", "there", "currency_id", "url"),
    *("cause", "detail", "state", "comparison_id", "first_seen", "last_seen"),
    *("create_uid", "write_uid", "create_date", "write_date"),
)
MONEY_KINDS = ("missing_at_payt", "missing_in_odoo", "open_amount", "paid_there", "paid_here", "deleted")


class PaytDifference(models.Model):
    """Something of an invoice that isn't the same in Odoo and at PAYT, as the last comparison found it.

    A row is made when a comparison first finds it, and solved by the first one that doesn't find it any more; solved
    rows stay as history. What a person left as it is comes back when it changes.
    """

    _name = "payt.difference"
    _description = "Difference with PAYT"
    _order = "state, last_seen desc, id desc"
    _rec_name = "number"

    backend_id = fields.Many2one("payt.backend", string="Connection", required=True, index=True, ondelete="cascade")
    company_id = fields.Many2one("res.company", required=True)
    number = fields.Char(string="Invoice", required=True)
    move_id = fields.Many2one("account.move", string="Invoice in Odoo", index="btree_not_null", ondelete="set null")
    partner_id = fields.Many2one(related="move_id.commercial_partner_id", string="Customer")
    payt_id = fields.Char(string="PAYT's id")
    url = fields.Char(string="Page at PAYT")
    kind = fields.Selection(
        [
            ("missing_at_payt", "Isn't at PAYT"),
            ("missing_in_odoo", "Isn't in Odoo"),
            ("deleted", "Deleted at PAYT"),
            ("paid_there", "Paid at PAYT, open in Odoo"),
            ("paid_here", "Paid in Odoo, open at PAYT"),
            ("open_amount", "Open amount"),
            ("state", "State"),
            ("payment_method", "Payment method"),
        ],
        string="Difference",
        required=True,
    )
    here = fields.Char()
    there = fields.Char()
    currency_id = fields.Many2one("res.currency")
    shown_here = fields.Char(string="In Odoo", compute="_compute_shown")
    shown_there = fields.Char(string="At PAYT", compute="_compute_shown")
    cause = fields.Selection(
        [
            ("outbox_waits", "It waits in the outbox."),
            ("outbox_refused", "It was tried to tell PAYT, in vain."),
            ("never_handed", "It was never handed over to PAYT, though its customer's invoices go there."),
            ("unknown_there", "PAYT doesn't know it, and doesn't list it as deleted in the last 90 days."),
            ("deleted", "Somebody deleted it at PAYT."),
            ("foreign", "Another system brought it to PAYT, or it was deleted in Odoo."),
            ("draft", "It is being corrected in Odoo, and PAYT goes on following it up."),
            ("not_read", "It changed at PAYT, and Odoo hasn't read that."),
            ("to_follow", "Odoo read it, and hasn't worked it off."),
            ("not_followed", "Odoo read it, and couldn't follow."),
            ("unexplained", "Nothing is on its way in either direction: compare the payments of both sides."),
        ],
        string="Likely cause",
    )
    detail = fields.Char()
    explanation = fields.Char(string="Why", compute="_compute_explanation")
    state = fields.Selection(
        [("open", "Open"), ("dismissed", "Left as it is"), ("solved", "Solved")], required=True, default="open"
    )
    comparison_id = fields.Many2one("payt.comparison", string="Found by", index=True, ondelete="set null")
    first_seen = fields.Datetime(string="First seen", required=True)
    last_seen = fields.Datetime(string="Last seen", required=True)
    solved_at = fields.Datetime(string="Solved")
    mended_by_id = fields.Many2one("res.users", string="Mended by", readonly=True)
    mended_at = fields.Datetime(string="Mended", readonly=True, help="When somebody last pressed a button to mend it.")

    _unsolved_once = models.UniqueIndex("(backend_id, kind, number) WHERE state <> 'solved'", "This is known already.")

    # === COMPUTE

    @api.depends("kind", "here", "there", "currency_id")
    @api.depends_context("lang")
    def _compute_shown(self):
        for difference in self:
            difference.shown_here = difference._show(difference.here)
            difference.shown_there = difference._show(difference.there)

    def _show(self, value):
        """A value in the words of the person who looks."""
        if not value:
            return False
        if self.kind in MONEY_KINDS:
            return format_amount(self.env, float(value), self.currency_id) if self.currency_id else value
        return self._get_words().get(value, value)

    def _get_words(self):
        if self.kind == "payment_method":
            return {
                "direct_debit": self.env._("Direct debit"),
                "bank_transfer": self.env._("Bank transfer"),
                "cash": self.env._("Cash"),
                "none": self.env._("None"),
                "unknown": self.env._("Unknown"),
            }
        states = self.env["account.move"]._fields["payt_state"]._description_selection(self.env)
        return {**dict(states or STATES), "draft": self.env._("Draft"), "open": self.env._("Followed up")}

    @api.depends("cause", "detail")
    @api.depends_context("lang", "tz")
    def _compute_explanation(self):
        sentences = dict(self._fields["cause"]._description_selection(self.env))
        for difference in self:
            parts = [sentences.get(difference.cause), difference._show_detail()]
            difference.explanation = " ".join(part for part in parts if part) or False

    def _show_detail(self):
        """PAYT's words, or a moment in the time zone of the person who looks."""
        if not self.detail or self.cause not in ("outbox_waits", "not_read", "deleted"):
            return self.detail
        moment = fields.Datetime.context_timestamp(self, self.env["payt.mirror"]._read_moment(self.detail))
        return self.env._("(since %s)", moment.strftime("%Y-%m-%d %H:%M"))

    # === BUSINESS

    @api.model
    def _note(self, backend, findings):
        """Keep what a comparison found; what is known already is only seen again.

        What is on its way makes no row, but doesn't solve one either: it hasn't arrived yet.

        :param backend: ``payt.backend`` record
        :param findings: list of Findings, with their causes
        """
        underway = [finding for finding in findings if finding.is_underway]
        comparison = self.env["payt.comparison"].search([("backend_id", "=", backend.id)], limit=1)
        seen = {"last_seen": fields.Datetime.now(), "comparison_id": comparison.id}
        self._find_known(backend, underway).write(seen)
        rows = {(f.kind, f.number): self._prepare_row(backend, f, seen) for f in findings if not f.is_underway}
        if not rows:
            return
        self.flush_model()
        # in one statement, as a person may have invoices compared while the nightly comparison runs
        execute_values(
            self.env.cr._obj,
            f"""
            INSERT INTO payt_difference AS known ({", ".join(COLUMNS)}) VALUES %s
            ON CONFLICT (backend_id, kind, number) WHERE state <> 'solved' DO UPDATE
               SET move_id = excluded.move_id, payt_id = excluded.payt_id, here = excluded.here,
                   there = excluded.there, currency_id = excluded.currency_id, url = excluded.url,
                   cause = excluded.cause, detail = excluded.detail,
                   last_seen = excluded.last_seen, comparison_id = excluded.comparison_id,
                   write_uid = excluded.write_uid, write_date = excluded.write_date,
                   state = CASE WHEN known.here IS NOT DISTINCT FROM excluded.here
                                 AND known.there IS NOT DISTINCT FROM excluded.there
                                THEN known.state ELSE 'open' END""",
            list(rows.values()),
        )
        self.invalidate_model()

    @api.model
    def _find_known(self, backend, findings):
        """The unsolved rows of these Findings."""
        keys = {(finding.kind, finding.number) for finding in findings}
        rows = self.search(
            [
                ("backend_id", "=", backend.id),
                ("state", "!=", "solved"),
                ("number", "in", [number for _kind, number in keys]),
            ]
        )
        return rows.filtered(lambda row: (row.kind, row.number) in keys)

    @api.model
    def _prepare_row(self, backend, finding, seen):
        now = seen["last_seen"]
        values = {
            "backend_id": backend.id,
            "company_id": backend.company_id.id,
            "state": "open",
            "comparison_id": seen["comparison_id"] or None,
            **dict.fromkeys(("first_seen", "last_seen", "create_date", "write_date"), now),
            **dict.fromkeys(("create_uid", "write_uid"), self.env.uid),
            **{name: getattr(finding, name) for name in ("kind", "number", "move_id", "here", "there", "currency_id")},
            **{name: getattr(finding, name) or None for name in ("payt_id", "url", "cause", "detail")},
        }
        return tuple(values[name] for name in COLUMNS)

    @api.model
    def _solve_unseen(self, comparison):
        """What this comparison, now at its end, didn't find isn't there any more."""
        unsolved = self.search([("backend_id", "=", comparison.backend_id.id), ("state", "!=", "solved")])
        unsolved.filtered(lambda difference: difference.comparison_id != comparison)._solve()

    def _solve(self):
        self.write({"state": "solved", "solved_at": fields.Datetime.now()})
