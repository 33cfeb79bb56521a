from odoo import api, models

CONTACT_FIELDS = {
    *("email", "phone", "street", "street2", "zip", "city", "state_id", "country_id"),
    *("payt_reminder_contact_id", "type", "parent_id", "active"),
}
DEBTOR_FIELDS = {
    *("lang", "country_id", "company_registry", "oin", "vat", "peppol_eas", "peppol_endpoint", "is_company"),
    *("industry_id", "category_id", "user_id", "bank_ids"),
}
BOTH = {"name"}


class ResPartner(models.Model):
    """What changes on a customer that PAYT knows goes there too."""

    _inherit = "res.partner"

    @api.model_create_multi
    def create(self, vals_list):
        # EXTENDS 'base': a new invoice address
        partners = super().create(vals_list)
        children = partners.filtered("parent_id")
        children.commercial_partner_id._queue_payt_changes({"contact"})
        return partners

    def write(self, vals):
        # EXTENDS 'base'
        resources = self._get_payt_resources(vals.keys())
        before = self.commercial_partner_id if "contact" in resources else self.browse()
        result = super().write(vals)
        if "contact" in resources:
            (before | self.commercial_partner_id)._queue_payt_changes({"contact"})
        if "debtor" in resources:
            (self & self.commercial_partner_id)._queue_payt_changes({"debtor"})
        return result

    def unlink(self):
        # EXTENDS 'base': an address for invoices or reminders that goes
        debtors = self.commercial_partner_id - self
        result = super().unlink()
        debtors.exists()._queue_payt_changes({"contact"})
        return result

    @api.model
    def _get_payt_resources(self, names):
        """What PAYT has to be told again when these fields change."""
        resources = set()
        if (CONTACT_FIELDS | BOTH) & names:
            resources.add("contact")
        if (DEBTOR_FIELDS | BOTH) & names:
            resources.add("debtor")
        return resources

    def _queue_payt_changes(self, resources):
        """Put those that PAYT knows into the outbox, for each company that uses PAYT.

        :param resources: which of ``contact`` and ``debtor``
        """
        if not self:
            return
        for company in self.env["payt.backend"].sudo().search([("company_id", "!=", False)]).company_id:
            partners = self.sudo().with_company(company)
            known = partners.filtered(lambda partner: partner.payt_debtor_state not in (False, "none"))
            if not known:
                continue
            outbox = self.env["payt.outbox"].with_company(company)
            if "contact" in resources:
                outbox._put(known | known._get_payt_addresses(), "contact")
            if "debtor" in resources:
                outbox._put(known, "debtor")

    def _get_payt_addresses(self):
        """Addresses of these customers that are contacts of their own at PAYT, as some invoices go there."""
        family = self.with_context(active_test=False).search(
            [("commercial_partner_id", "in", self.ids), ("id", "not in", self.ids)]
        )
        rows = self.env["payt.outbox"].search(
            [
                ("backend_id", "=", self.env.company._get_payt_backend().id),
                *(("model", "=", self._name), ("resource", "=", "contact"), ("res_id", "in", family.ids)),
            ]
        )
        return self.browse(set(rows.mapped("res_id")))
