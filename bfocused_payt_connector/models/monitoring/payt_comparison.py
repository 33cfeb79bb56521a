from datetime import timedelta
from itertools import islice

from psycopg2.extras import execute_values

from odoo import SUPERUSER_ID, api, fields, models

from odoo.addons.bfocused_billing.transactions import lock_or_retry
from odoo.addons.queue_job.exception import RetryableJobError

from ...comparison import COMPARED_FIELDS, Comparer
from ...const import COMPARED_PER_STEP, STEPS_PER_JOB
from ...payt_api import PaytForbidden, PaytTemporary

SECONDS_BETWEEN_TRIES = 5  # of a job whose comparison is in other hands
GIVEN_UP_AFTER = timedelta(hours=12)  # a comparison whose job was lost
RETENTION = timedelta(days=90)


class PaytComparison(models.Model):
    """One comparison of every open invoice at PAYT with Odoo's, and the other way round.

    First PAYT's list of open invoices is read page by page, then PAYT is asked for what is open in Odoo and wasn't on
    it. That takes several jobs: the cursor and the last invoice say where the next one goes on, and what was seen is
    kept in ``payt.comparison.seen`` meanwhile, so that memory doesn't grow with the number of invoices.
    """

    _name = "payt.comparison"
    _description = "PAYT Comparison"
    _order = "id desc"
    _rec_name = "started_at"

    backend_id = fields.Many2one("payt.backend", string="Connection", required=True, index=True, ondelete="cascade")
    company_id = fields.Many2one("res.company", required=True)
    state = fields.Selection(
        [("running", "Running"), ("done", "Done"), ("failed", "Given up")], required=True, default="running"
    )
    phase = fields.Selection([("theirs", "Open at PAYT"), ("ours", "Open in Odoo")], required=True, default="theirs")
    cursor = fields.Char(readonly=True)
    last_move_id = fields.Integer(readonly=True)
    started_at = fields.Datetime(string="Started", required=True)
    ended_at = fields.Datetime(string="Ended")
    invoice_count = fields.Integer(string="Invoices compared")
    difference_count = fields.Integer(string="Differences found")
    message = fields.Char()

    _running_once = models.UniqueIndex("(backend_id) WHERE state = 'running'", "A comparison is running already.")

    # === BUSINESS

    @api.model
    def _start(self, backend):
        """Begin a comparison, or go on with the one that is running.

        :param backend: ``payt.backend`` record
        """
        self._give_up_lost(backend)
        self.flush_model()
        # in one statement: two people press the button at once
        self.env.cr.execute(
            """
            INSERT INTO payt_comparison (backend_id, company_id, state, phase, started_at, invoice_count,
                                         difference_count, create_uid, write_uid, create_date, write_date)
            VALUES (%(backend)s, %(company)s, 'running', 'theirs', %(now)s, 0, 0, %(user)s, %(user)s, %(now)s, %(now)s)
            ON CONFLICT DO NOTHING""",
            {
                "backend": backend.id,
                "company": backend.company_id.id,
                "now": fields.Datetime.now(),
                "user": self.env.uid,
            },
        )
        comparison = self.search([("backend_id", "=", backend.id), ("state", "=", "running")])
        comparison._enqueue()
        return comparison

    def _give_up_lost(self, backend):
        lost = self.search(
            [
                ("backend_id", "=", backend.id),
                ("state", "=", "running"),
                ("write_date", "<", fields.Datetime.now() - GIVEN_UP_AFTER),
            ]
        )
        for comparison in lost:
            comparison._end("failed", self.env._("It didn't come to its end."))

    def _end(self, state, message=False):
        self.env.cr.execute("DELETE FROM payt_comparison_seen WHERE comparison_id = %s", [self.id])
        self.write({"state": state, "message": message, "cursor": False, "ended_at": fields.Datetime.now()})

    # === JOB

    def _enqueue(self):
        for comparison in self:
            comparison.with_user(SUPERUSER_ID).with_delay(
                description=self.env._("%s: compare open invoices", comparison.backend_id.name),
                identity_key=f"bfocused_payt_connector.compare.{comparison.id}",
            )._job_compare()

    def _job_compare(self):
        """Job: compare some pages, and leave what remains to the next one."""
        if not self.exists() or self.state != "running":
            return
        if self.backend_id.paused:
            self._end("failed", self.env._("The connection is paused."))
            return
        lock_or_retry(self, "Another worker is comparing.", SECONDS_BETWEEN_TRIES)
        comparison = self.with_company(self.company_id)
        try:
            with self.backend_id._get_client() as client:
                goes_on = comparison._go_on(client)
        except PaytTemporary as error:
            raise RetryableJobError(str(error), seconds=error.retry_after or None) from None
        except PaytForbidden as error:
            self.backend_id._stop(str(error))
            self._end("failed", str(error))
            return
        if goes_on:
            self._enqueue()

    def _go_on(self, client, steps=STEPS_PER_JOB):
        """Compare so many pages; the caller has locked the comparison.

        :return: whether there is more to compare
        """
        self.ensure_one()
        if self.phase == "theirs":
            self._compare_theirs(client, steps)
            return True
        if self._compare_ours(client, steps):
            return True
        differences = self.env["payt.difference"]
        differences._solve_unseen(self)
        self.difference_count = differences.search_count(
            [("backend_id", "=", self.backend_id.id), ("state", "=", "open")]
        )
        self._end("done")
        return False

    # === WHAT IS OPEN AT PAYT

    def _compare_theirs(self, client, steps):
        pages = client.iter_pages("invoices", paid=False, fields=COMPARED_FIELDS, cursor=self.cursor or "")
        read = 0
        for page in islice(pages, steps):
            self._compare_page(page.records)
            self.cursor = page.cursor
            read += 1
            if not page.cursor:
                break
        if read < steps or not self.cursor:
            self.write({"phase": "ours", "cursor": False})

    def _compare_page(self, records):
        comparer = Comparer(self.backend_id)
        moves = comparer.find_moves(records)
        self.env["payt.difference"]._note(self.backend_id, comparer.compare_invoices(records, moves))
        self._note_seen({move.id for move in moves.values()})
        self._forget(len(records))

    def _note_seen(self, move_ids):
        if move_ids:
            execute_values(
                self.env.cr._obj,
                "INSERT INTO payt_comparison_seen (comparison_id, move_id) VALUES %s ON CONFLICT DO NOTHING",
                [(self.id, move_id) for move_id in sorted(move_ids)],
            )

    # === WHAT IS OPEN IN ODOO

    def _compare_ours(self, client, steps):
        """:return: whether there may be more"""
        comparer = Comparer(self.backend_id)
        for _step in range(steps):
            moves = self._get_unseen_moves()
            if not moves:
                return False
            last = moves.ids[-1]
            expected = moves.filtered(comparer.is_expected_at_payt)
            self.env["payt.difference"]._note(self.backend_id, comparer.compare_moves(client, expected))
            self.last_move_id = last
            self._forget(len(expected))
        return True

    def _get_unseen_moves(self):
        self.env["account.move"].flush_model()
        self.env.cr.execute(
            """
            SELECT id FROM account_move move
             WHERE company_id = %s AND id > %s AND state = 'posted' AND amount_residual <> 0
               AND move_type IN %s
               AND NOT EXISTS (SELECT FROM payt_comparison_seen WHERE comparison_id = %s AND move_id = move.id)
             ORDER BY id LIMIT %s""",
            [
                self.company_id.id,
                self.last_move_id or 0,
                tuple(self.env["account.move"].get_sale_types()),
                self.id,
                COMPARED_PER_STEP,
            ],
        )
        return self.env["account.move"].browse([move_id for [move_id] in self.env.cr.fetchall()])

    def _forget(self, count):
        """Memory doesn't grow with what was compared already."""
        self.invoice_count += count
        self.env.flush_all()
        self.env.invalidate_all()

    # === CRON

    @api.autovacuum
    def _gc_old(self):
        """The last ones say how it went; the differences keep their own history."""
        self.search([("started_at", "<", fields.Datetime.now() - RETENTION)]).unlink()


class PaytComparisonSeen(models.Model):
    """Invoices that the running comparison met in PAYT's list."""

    _name = "payt.comparison.seen"
    _description = "Invoice met in a PAYT Comparison"
    _log_access = False

    comparison_id = fields.Many2one("payt.comparison", required=True, ondelete="cascade")
    move_id = fields.Integer(required=True)

    _seen_once = models.UniqueIndex("(comparison_id, move_id)")
