from odoo import models
from odoo.exceptions import UserError
from odoo.fields import Domain

from ..models.mandate.res_partner_bank import MERGE


class BasePartnerMerge(models.TransientModel):
    """Customers merged into one: their mandates go along and say so; what waited for a mandate goes on.

    Odoo moves by itself all that refers to a customer. Invoices, subscriptions, charges and waiting drafts follow that
    way, and drafts of two customers that are invoiced alike become one with the next run.
    """

    _inherit = "base.partner.merge.automatic.wizard"

    def _merge_bank_accounts(self, src_partners, dst_partner):
        # EXTENDS 'base': the first step of a merge; accounts in the archive go along too, as mandates may hang on them
        self._check_same_customer(src_partners, dst_partner)
        mandates = self._get_mandates(src_partners)
        used = src_partners.bank_ids.mapped("sanitized_acc_number")
        source, target = (
            partners.with_context(active_test=False, billing_customer_merge=MERGE)
            for partners in (src_partners, dst_partner)
        )
        result = super()._merge_bank_accounts(source, target)
        self.env.invalidate_all()  # an account that both had was merged in the database
        accounts = dst_partner.with_context(active_test=False).bank_ids.sudo()
        accounts.filtered(lambda bank: bank.sanitized_acc_number in used and not bank.active).active = True
        self._tell_mandates(mandates, src_partners, dst_partner)
        return result

    def _log_merge_operation(self, src_partners, dst_partner):
        # EXTENDS 'base': the last step but the deletion of what was merged
        result = super()._log_merge_operation(src_partners, dst_partner)
        self._get_mandates(dst_partner.commercial_partner_id)._release_waiting()
        return result

    # === BUSINESS

    def _get_mandates(self, partners):
        """The mandates on the accounts of ``partners``, archived ones too, in superuser mode."""
        mandates = self.env["account.banking.mandate"].sudo()
        return mandates.search([("partner_bank_id.partner_id", "in", partners.ids)])

    def _check_same_customer(self, src_partners, dst_partner):
        """What was signed by, or billed to, one customer must not become another's by the merge of a contact.

        :raise UserError: with what to do instead
        """
        target = dst_partner.commercial_partner_id
        for partner in src_partners:
            owner = partner.commercial_partner_id
            after = dst_partner if owner == partner else owner  # whose the mandates and invoices are after the merge
            if after == target or not any(self._is_billed(one) for one in (partner, dst_partner)):
                continue
            if owner == partner:
                raise UserError(
                    self.env._(
                        "%(contact)s is a contact of %(customer)s. Merge %(merged)s into %(customer)s itself, as "
                        "mandates, subscriptions and invoices are the customer's.",
                        contact=dst_partner.name,
                        customer=target.name,
                        merged=partner.name,
                    )
                )
            raise UserError(
                self.env._(
                    "%(merged)s is a contact of %(owner)s and %(kept)s belongs to %(customer)s, and mandates, "
                    "subscriptions or invoices hang on them. Merge the two customers first, then their contacts.",
                    merged=partner.name,
                    owner=owner.name,
                    kept=dst_partner.name,
                    customer=target.name,
                )
            )

    def _is_billed(self, partner):
        """Whether mandates, subscriptions or invoices of a company that uses billing refer to ``partner``."""
        here = Domain("company_id.use_billing", "=", True)
        invoiced = Domain("partner_id", "=", partner.id)
        subscribed = invoiced | Domain("partner_invoice_id", "=", partner.id)
        uses = {
            "account.banking.mandate": Domain("partner_bank_id.partner_id", "=", partner.id),
            "sale.subscription": subscribed,
            "account.move": invoiced & Domain("move_type", "in", ("out_invoice", "out_refund")),
            "bfocused.mandate.request": invoiced,
            "bfocused.billing.charge": invoiced,
        }
        return any(
            self.env[model].sudo().with_context(active_test=False).search_count(here & domain, limit=1)
            for model, domain in uses.items()
        )

    def _tell_mandates(self, mandates, src_partners, dst_partner):
        """Say on the mandates, their proof and the customer who signed under which name."""
        if not mandates:
            return
        signed = self.env._(
            "%(merged)s was merged into %(kept)s, whose mandate this is from now on. The document and the holder of "
            "the account stay as they were signed.",
            merged=", ".join(src_partners.mapped("name")),
            kept=dst_partner.name,
        )
        mandates._message_log_batch(bodies=dict.fromkeys(mandates.ids, signed))
        requests = mandates.request_id
        requests._message_log_batch(bodies=dict.fromkeys(requests.ids, signed))
        dst_partner._message_log(
            body=self.env._(
                "Mandates that came with the merge: %s.", ", ".join(mandates.mapped("unique_mandate_reference"))
            )
        )
