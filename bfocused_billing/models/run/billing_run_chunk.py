import logging

from odoo import api, fields, models
from odoo.tools import split_every

from ...transactions import lock_or_retry, undoable

_logger = logging.getLogger(__name__)

CHUNK_SIZE = 100  # customers whose invoices are made together; more costs memory and saves no time
CHUNKS_IN_MEMORY = 8  # after so many what was read is forgotten, so that memory doesn't grow with the customers
LIVE_JOBS = ("wait_dependencies", "pending", "enqueued", "started")


class BillingRunChunk(models.Model):
    """Some customers of a billing run, billed together in a transaction of their own.

    A chunk is done in the same transaction as its invoices, so a process that is killed leaves either all of it or
    nothing, and the chunk can be tried again by whoever comes next.
    """

    _name = "bfocused.billing.run.chunk"
    _description = "Part of a Billing Run"
    _order = "run_id, id"

    run_id = fields.Many2one("bfocused.billing.run", required=True, index=True, ondelete="cascade")
    company_id = fields.Many2one(related="run_id.company_id", store=True)
    partner_ids = fields.Many2many("res.partner", string="Customers", context={"active_test": False})
    customer_count = fields.Integer(string="Number of customers")
    is_preview = fields.Boolean(string="Preview")
    state = fields.Selection([("pending", "Waiting"), ("done", "Done")], default="pending", required=True)
    date_done = fields.Datetime(string="Done on")

    @api.model
    def _create_for(self, run, customers, is_preview=False):
        """Divide the customers of a run.

        :param customers: ``res.partner`` records, commercial entities
        :return: the chunks, in the order of the customers
        """
        chunks = self.sudo().create(
            [
                {
                    "run_id": run.id,
                    "partner_ids": [fields.Command.set(part)],
                    "customer_count": len(part),
                    "is_preview": is_preview,
                }
                for part in split_every(CHUNK_SIZE, customers.ids, list)
            ]
        )
        return chunks.sudo(False)

    # === PROCESS

    def _process_here(self):
        """Bill the chunks in the transaction of the caller."""
        for number, chunk in enumerate(self, start=1):
            chunk._process()
            if number % CHUNKS_IN_MEMORY == 0:
                self.env.flush_all()
                self.env.invalidate_all(flush=False)

    def _process(self):
        """Bill the customers of this chunk, unless that was done, or the run was stopped."""
        self.ensure_one()
        run = self.run_id
        if self.state == "done" or run.state != ("draft" if self.is_preview else "running"):
            return
        with undoable(self.env.cr) as undo:
            if self.is_preview:
                run._settle_before_collecting(self.partner_ids)
            rows = run._bill(self.partner_ids)
            if self.is_preview:
                undo()
        if self.is_preview:
            rows = [dict(row, move_id=False) for row in rows]
        run._record_outcome(rows)
        self._close()

    def _close(self):
        self.sudo().write({"state": "done", "date_done": fields.Datetime.now()})

    # === JOBS

    def _get_identity_key(self):
        return f"bfocused_billing.chunk.{self.id}"

    def _enqueue(self):
        """Leave the chunks to jobs, which any Odoo server on this database may take."""
        for chunk in self:
            description = self.env._("%(run)s: %(count)s customers", run=chunk.run_id.name, count=chunk.customer_count)
            chunk.with_delay(description=description, identity_key=chunk._get_identity_key())._job_process()

    def _job_process(self):
        """Job: bill this chunk, and close its run when it was the last."""
        if not self.exists():
            return  # the run was started anew
        lock_or_retry(self, "Another worker is billing this part.")
        self._process()
        # Only after the commit do the last two of a run see each other's work, whichever of them closes it.
        self.env.cr.postcommit.add(self.run_id._finish_in_own_transaction)

    def _get_jobs(self):
        keys = [chunk._get_identity_key() for chunk in self]
        return self.env["queue.job"].sudo().search([("identity_key", "in", keys)], order="date_created desc, id desc")

    def _cancel_jobs(self):
        """Take the chunks that nobody works on out of the queue."""
        self._get_jobs().filtered(lambda job: job.state in ("pending", "enqueued", "failed")).button_cancelled()

    def _mend(self):
        """Enqueue chunks whose job was lost; those whose job gave up are failures of each of their customers."""
        jobs = {}
        for job in self._get_jobs():
            jobs.setdefault(job.identity_key, job)
        for chunk in self:
            job = jobs.get(chunk._get_identity_key())
            if job and job.state == "failed":
                chunk.run_id._record_outcome(chunk._prepare_failed_rows(job))
                chunk._close()
            elif not job or job.state not in LIVE_JOBS:
                _logger.warning("The job of chunk %s of billing run %s was lost", chunk.id, chunk.run_id.id)
                chunk._enqueue()

    def _prepare_failed_rows(self, job):
        message = self.env._("Unexpected error: %s", job.exc_message or job.exc_name)
        currency = self.company_id.currency_id
        return [
            {"partner_id": partner.id, "currency_id": currency.id, "outcome": "failed", "message": message}
            for partner in self.partner_ids
        ]
