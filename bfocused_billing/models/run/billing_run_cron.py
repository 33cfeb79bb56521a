import logging

from psycopg2 import OperationalError

from odoo import api, fields, models

_logger = logging.getLogger(__name__)


class BillingRun(models.Model):
    """Runs that nobody starts by hand, and runs that lost a worker."""

    _inherit = "bfocused.billing.run"

    @api.model
    def _cron_mend(self):
        """Go on with runs in the background of which a worker was lost."""
        chunks = self.env["bfocused.billing.run.chunk"]
        chunks.search([("state", "=", "pending"), ("run_id.state", "in", ("draft", "running"))])._mend()
        for run in self.search([("state", "=", "running")]):
            run._finish()

    @api.model
    def _cron_run_due(self):
        """Make and execute the month's run of each company that has it done automatically, once its day has come."""
        today = fields.Date.context_today(self)
        companies = self.env["res.company"].search([("use_billing", "=", True), ("billing_auto", "=", True)])
        due = companies.filtered(lambda company: self._is_automatic_run_due(company, today))
        for number, company in enumerate(due, start=1):
            self.with_company(company)._run_automatically(company, today.replace(day=company.billing_day))
            if not self.env["ir.cron"]._commit_progress(1, remaining=len(due) - number):
                break

    @api.model
    def _is_automatic_run_due(self, company, today):
        date = today.replace(day=company.billing_day)
        executed = [("company_id", "=", company.id), ("date", ">=", date), ("state", "!=", "draft")]
        return date <= today and not self.search_count(executed, limit=1)

    @api.model
    def _run_automatically(self, company, date):
        """Execute the company's run of ``date``; when that fails the run stays, and says why."""
        domain = [("company_id", "=", company.id), ("date", "=", date), ("state", "=", "draft")]
        run = self.search(domain, limit=1) or self.create({"company_id": company.id, "date": date})
        try:
            with self.env.cr.savepoint():
                run.action_run()
                run.message = False
        except OperationalError:
            raise
        except Exception as error:  # one company's trouble is not the others'
            _logger.exception("The automatic billing run %s of company %s failed", run.id, company.id)
            run.message = str(error)
