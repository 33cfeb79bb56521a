from odoo import api, models


class ResPartner(models.Model):
    """How often a partner was a customer, counted once for many invoices that are posted together."""

    _inherit = "res.partner"

    # === POSTING IN BULK

    def _increase_rank(self, field, n=1):
        # EXTENDS 'account': within a batch, first counted and then done together
        batch = self.env.context.get("billing_posting_batch")
        if not batch:
            return super()._increase_rank(field, n)
        for partner in self:
            batch.ranks[field][partner.id] += n
        return None

    @api.model
    def _increase_ranks(self, ranks):
        """Increase the ranks of partners as Odoo does one by one: those who have none now, the others at the commit.

        :param ranks: dict of field name to dict of partner id to number
        """
        for field, numbers in ranks.items():
            for number in set(numbers.values()):
                partners = self.browse(partner for partner, times in numbers.items() if times == number).sudo()
                ranked = partners.filtered(field)
                ranked._increase_rank(field, number)
                (partners - ranked).write({field: number})
