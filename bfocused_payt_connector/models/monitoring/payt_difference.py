from psycopg2.extras import execute_values

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_amount

from ...comparison import Comparer
from ...const import NOT_THERE
from ...handlers import lookup
from ...handlers.payload import read_moment
from ...payt_api import PaytError
from ..outgoing.account_move import STATES

COLUMNS = (
    *("backend_id", "company_id", "kind", "number", "move_id", "payt_id", "here", "there", "currency_id", "url"),
    *("cause", "detail", "state", "comparison_id", "first_seen", "last_seen"),
    *("create_uid", "write_uid", "create_date", "write_date"),
)
# what a record of PAYT refers to, and where that is listed
REFERENCES = (("active_credit_case_id", "credit_cases"), ("active_payment_plan_id", "payment_plans"))
MONEY_KINDS = ("missing_at_payt", "missing_in_odoo", "open_amount", "paid_there", "paid_here", "deleted")


class PaytDifference(models.Model):
    """Something of an invoice that isn't the same in Odoo and at PAYT, as the last comparison found it.

    A row is made when a comparison first finds it, and solved by the first one that doesn't find it any more; solved
    rows stay as history. What a person left as it is comes back when it changes.

    Buttons mend a difference. Pushing goes by the outbox and pulling is followed by jobs, so the difference stays open
    until *Check again* or the next comparison doesn't find it.
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

    can_push = fields.Boolean(compute="_compute_can")
    can_pull = fields.Boolean(compute="_compute_can")
    can_book = fields.Boolean(compute="_compute_can")

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
        moment = fields.Datetime.context_timestamp(self, read_moment(self.detail))
        return self.env._("(since %s)", moment.strftime("%Y-%m-%d %H:%M"))

    def _compute_can(self):
        for difference in self:
            is_open, kind = difference.state != "solved", difference.kind
            difference.can_push = bool(is_open and difference.move_id and kind != "paid_there")
            difference.can_pull = bool(is_open and difference.payt_id and kind not in ("deleted", "missing_at_payt"))
            difference.can_book = is_open and difference.cause in ("not_followed", "to_follow")

    # === ACTIONS

    def action_push(self):
        """Tell PAYT how the invoice is in Odoo, also what it was told before."""
        differences = self._begin_mending().filtered("can_push")
        # PAYT gets it as a new one, and is told when it was sent, so that it isn't sent twice
        lost = differences.filtered(lambda difference: difference.kind in ("deleted", "missing_at_payt")).move_id
        lost.write({"payt_pushed_at": False, "payt_invoice_id": False, "payt_money_told": False})
        moves = differences.move_id
        handed_over = moves.filtered(lambda move: move.payt_state not in NOT_THERE)
        handed_over.action_payt_retry()
        lacking = moves.filtered(lambda move: move._lacks_payt_document())
        (lacking - handed_over)._hand_to_sending()
        (moves - lacking - handed_over)._queue_payt_invoices()
        self.env["payt.outbox"].sudo()._put(moves - lacking, "invoice", force=True)
        drafts = differences.filtered(lambda difference: difference.cause == "draft").move_id
        drafts.write({"payt_block_asked": False})
        drafts._queue_payt_block()
        return self._notify_mending(self.env._("On its way to PAYT."))

    def action_pull(self):
        """Read the invoice and its payments at PAYT, and follow them once more."""
        differences = self._begin_mending().filtered("can_pull")
        for backend, backend_differences in differences.grouped("backend_id").items():
            try:
                rows = backend_differences._read_again(backend)
            except PaytError as error:
                raise UserError(self.env._("PAYT can't be read now. %s", error)) from error
            rows._follow_again()
        return self._notify_mending(self.env._("Read at PAYT; Odoo follows in the background."))

    def action_book(self):
        """Try again to follow what couldn't be followed, after somebody changed what was in the way."""
        rows = self._begin_mending()._get_mirror_rows()
        rows.filtered(lambda row: row.state != "done").action_try_again()
        return self._notify_mending(self.env._("Odoo tries again in the background."))

    def action_open_payments(self):
        """What PAYT said of the invoice and its payments, and what became of it."""
        self.ensure_one()
        self.check_access("read")
        rows = self.sudo()._get_mirror_rows()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("What PAYT said of %s", self.number),
            "res_model": "payt.mirror",
            "view_mode": "list,form",
            "domain": [("id", "in", rows.ids)],
        }

    def action_investigate(self):
        """The invoice's page at PAYT; in Odoo where PAYT has none."""
        self.ensure_one()
        if self.url:
            return {"type": "ir.actions.act_url", "url": self.url, "target": "new"}
        return self.action_open_invoice()

    def action_open_invoice(self):
        self.ensure_one()
        if not self.move_id:
            raise UserError(self.env._("Odoo doesn't have this invoice."))
        return {
            "type": "ir.actions.act_window",
            "res_model": "account.move",
            "res_id": self.move_id.id,
            "view_mode": "form",
        }

    def action_check_again(self):
        """Compare these invoices now: what is the same on both sides is solved."""
        self.check_access("read")
        for backend, differences in self.sudo().filtered(lambda d: d.state != "solved").grouped("backend_id").items():
            try:
                differences._check_again(backend)
            except PaytError as error:
                raise UserError(self.env._("PAYT can't be asked now. %s", error)) from error

    def action_dismiss(self):
        """Somebody knows why, and leaves it: it comes back when one of the values changes."""
        self.check_access("read")
        self.sudo().filtered(lambda difference: difference.state == "open").state = "dismissed"

    def action_reopen(self):
        """Look at it again."""
        self.check_access("read")
        self.sudo().filtered(lambda difference: difference.state == "dismissed").state = "open"

    # === BUSINESS: KEEPING

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

    # === BUSINESS: MENDING

    def _begin_mending(self):
        """:return: these differences in superuser mode; who may see them may mend them"""
        self.check_access("read")
        differences = self.sudo()
        differences.write({"mended_by_id": self.env.uid, "mended_at": fields.Datetime.now()})
        return differences

    def _notify_mending(self, message):
        return self.backend_id[:1]._notify(message)

    def _get_mirror_rows(self):
        """What PAYT said of these invoices and their payments."""
        payt_ids = [payt_id for payt_id in self.mapped("payt_id") if payt_id]
        return lookup.get_rows_of_invoices(self.backend_id, payt_ids)

    def _read_again(self, backend):
        """Read these invoices, their payments and what they refer to.

        :return: the ``payt.mirror`` rows of them
        """
        marks, mirror = self.env["payt.sync.mark"], self.env["payt.mirror"].sudo()
        wanted = {"invoices": ("ids", set(self.mapped("payt_id")))}
        numbers = {number for number in self.mapped("number") if "," not in number}
        wanted["payments"] = ("invoice_numbers", numbers)
        rows = mirror
        with backend._get_client() as client:
            for resource in ("invoices", "payments", "credit_cases", "payment_plans"):
                name, values = wanted.get(resource, ("ids", set()))
                names = marks._get_fields_read(resource)
                records = list(client.read_by(resource, name, sorted(values), fields=names)) if values else []
                if resource == "invoices":
                    wanted.update(self._get_references(records))
                mirror._store(backend, resource, records)
                rows = rows.union(*lookup.get_rows(backend, resource, [record["id"] for record in records]).values())
        return rows

    def _get_references(self, invoices):
        return {
            resource: ("ids", {str(invoice[name]) for invoice in invoices if invoice.get(name)})
            for name, resource in REFERENCES
        }

    def _check_again(self, backend):
        here = self.with_company(backend.company_id)
        unknown = here.filtered(lambda difference: not difference.move_id and difference.payt_id)
        comparer = Comparer(backend)
        with backend._get_client() as client:
            findings = comparer.compare_moves(client, here.move_id) if here.move_id else []
            findings += comparer.compare_unknown(client, set(unknown.mapped("payt_id")))
        self._note(backend, findings)
        found = {(finding.kind, finding.number) for finding in findings}
        self.filtered(lambda difference: (difference.kind, difference.number) not in found)._solve()
