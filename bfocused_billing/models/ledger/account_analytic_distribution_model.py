from odoo import api, models


class AccountAnalyticDistributionModel(models.Model):
    _inherit = "account.analytic.distribution.model"

    @api.model
    def _get_applicable_models(self, vals):
        # EXTENDS 'account': Odoo searches for each line of each invoice, where most companies have no models at all
        batch = self.env.context.get("billing_drafting_batch")
        if not batch:
            return super()._get_applicable_models(vals)
        if batch.has_distributions is None:
            batch.has_distributions = bool(self.search([], limit=1))
        return super()._get_applicable_models(vals) if batch.has_distributions else self.browse()
