from odoo import fields, models
from odoo.exceptions import UserError

from ...payt_api import PaytError
from ..outgoing.account_move import NOT_THERE

# what a record of PAYT refers to, and where that is listed
REFERENCES = (("active_credit_case_id", "credit_cases"), ("active_payment_plan_id", "payment_plans"))


class PaytDifference(models.Model):
    """The buttons that mend a difference.

    Pushing goes by the outbox and pulling is followed by jobs, so the difference stays open until *Check again* or the
    next comparison doesn't find it.
    """

    _inherit = "payt.difference"

    can_push = fields.Boolean(compute="_compute_can")
    can_pull = fields.Boolean(compute="_compute_can")
    can_book = fields.Boolean(compute="_compute_can")

    # === COMPUTE

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
        lost.write({"payt_pushed_at": False, "payt_invoice_id": False})
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
        for backend, its_differences in differences.grouped("backend_id").items():
            try:
                rows = its_differences._read_again(backend)
            except PaytError as error:
                raise UserError(self.env._("PAYT can't be read now. %s", error)) from error
            rows.write({"state": "pending", "tries": 0, "next_try_at": False})
            rows._enqueue_apply(backend)
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

    # === BUSINESS

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
        return self.env["payt.mirror"].sudo()._find_of_invoices(self.backend_id, payt_ids)

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
                ids = [str(record["id"]) for record in records]
                rows += mirror.search(
                    [("backend_id", "=", backend.id), ("resource", "=", resource), ("payt_id", "in", ids)]
                )
        return rows

    def _get_references(self, invoices):
        return {
            resource: ("ids", {str(invoice[name]) for invoice in invoices if invoice.get(name)})
            for name, resource in REFERENCES
        }

    def _check_again(self, backend):
        here = self.with_company(backend.company_id)
        unknown = here.filtered(lambda difference: not difference.move_id and difference.payt_id)
        with backend._get_client() as client:
            findings = backend._compare_moves(client, here.move_id) if here.move_id else []
            findings += backend._compare_unknown(client, set(unknown.mapped("payt_id")))
        self._note(backend, findings)
        found = {(finding.kind, finding.number) for finding in findings}
        self.filtered(lambda difference: (difference.kind, difference.number) not in found)._solve()
