import logging

from odoo import api, fields, models

from ...transactions import isolated

_logger = logging.getLogger(__name__)


class BillingRun(models.Model):
    """Runs between two month turns, "as usage demands" (R4): by a button, or as a limit is passed."""

    _inherit = "bfocused.billing.run"

    # === BY A BUTTON

    @api.model
    def _make_interim(self, company, customers, date, **scope):
        """A run of some customers.

        :param customers: ``res.partner`` records, commercial entities
        :param scope: values of other fields of the scope
        """
        values = {"company_id": company.id, "date": date, "scope_partner_ids": [fields.Command.set(customers.ids)]}
        return self.with_company(company).create({**values, **scope})

    @api.model
    def _open_interim(self, company, customers, **scope):
        """Open a run of some customers of today, with its preview; one that wasn't executed is used again."""
        company._check_uses_billing()
        today = fields.Date.context_today(self)
        domain = [("company_id", "=", company.id), ("date", "=", today), ("state", "=", "draft")]
        domain += [("user_id", "=", self.env.uid), ("is_scoped", "=", True)]
        run = self.search(domain).filtered(lambda run: run._has_scope(customers, scope))[:1]
        run = run or self._make_interim(company, customers, today, **scope)
        run.action_preview()
        return run._get_records_action()

    def _has_scope(self, customers, scope):
        names = self._get_scope_fields() - {"scope_partner_ids"}
        return self.scope_partner_ids == customers and all(bool(self[name]) == scope.get(name, False) for name in names)

    def _get_previewed_lines(self, row):
        """The lines of the invoice of an outcome, before it is undone; none where it is held.

        :param row: values of ``bfocused.billing.run.line``
        :return: list of dicts
        """
        lines = self.env["account.move"].browse(row.get("move_id") or []).invoice_line_ids
        names = ("name", "quantity", "start_date", "end_date", "price_subtotal")
        return [{name: line[name] for name in names} for line in lines.filtered(lambda line: not line.is_downpayment)]

    # === AS A LIMIT IS PASSED

    @api.model
    def _cron_bill_over_limit(self):
        """Bill, or ask a person about, each customer of whom more is unbilled than the limit."""
        companies = self.env["res.company"].search([("use_billing", "=", True)])
        for number, company in enumerate(companies, start=1):
            with isolated(self.env.cr) as outcome:  # one company's trouble is not the others'
                self.with_company(company)._bill_over_limit(company)
            if outcome.error:
                _logger.error("Interim billing of company %s failed", company.id, exc_info=outcome.error)
            if not self.env["ir.cron"]._commit_progress(1, remaining=len(companies) - number):
                break

    @api.model
    def _bill_over_limit(self, company):
        """
        :return: the run that bills, empty when there is none
        """
        amounts = self.env["res.partner"].with_company(company)._find_over_limit(company)
        customers = self.env["res.partner"].with_company(company).union(*amounts)
        if company.billing_limit_action == "ask":
            customers._ask_for_interim_bill(company, amounts)
            return self.browse()
        customers -= self._find_not_billed_over_limit(company, customers)
        if not customers:
            return self.browse()
        kinds = {"scope_usage": True, "scope_sales": True, "is_over_limit": True}
        run = self._make_interim(company, customers, fields.Date.context_today(self), **kinds)
        run.action_run()
        return run

    @api.model
    def _find_not_billed_over_limit(self, company, customers):
        """Those that an interim run of this month held or couldn't bill: they are on its list, with the reason.

        Else each day would bring another run for a customer without mandate. The month turn tries them again.
        """
        lines = self.env["bfocused.billing.run.line"].search(
            [
                ("run_id.is_over_limit", "=", True),
                ("company_id", "=", company.id),
                ("date", ">=", fields.Date.context_today(self).replace(day=1)),
                ("partner_id.commercial_partner_id", "in", customers.ids),
                ("outcome", "in", ("held", "failed")),
            ]
        )
        return lines.partner_id.commercial_partner_id
