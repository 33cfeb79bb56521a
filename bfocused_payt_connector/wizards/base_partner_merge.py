from odoo import models


class MergePartnerAutomatic(models.TransientModel):
    """Customers merged into one: at PAYT too all they have belongs to that one debtor, and nothing to the others."""

    _inherit = "base.partner.merge.automatic.wizard"

    def _update_reference_fields_generic(
        self, referenced_model, src_records, dst_record, additional_update_records=None
    ):
        # EXTENDS 'base': a debtor of PAYT is the customer that it was merged into
        ours = [{"model": "payt.mirror", "field_model": "model"}]
        return super()._update_reference_fields_generic(
            referenced_model, src_records, dst_record, [*(additional_update_records or []), *ours]
        )

    def _merge_bank_accounts(self, src_partners, dst_partner):
        # EXTENDS 'base': the first step of a merge, while plans still have their customer
        self._tell_payt_plans(src_partners, dst_partner)
        return super()._merge_bank_accounts(src_partners, dst_partner)

    def _log_merge_operation(self, src_partners, dst_partner):
        # EXTENDS 'base': the last step but the deletion of what was merged
        result = super()._log_merge_operation(src_partners, dst_partner)
        self.env.invalidate_all()
        dst_partner.commercial_partner_id._follow_payt_merge()
        return result

    def _tell_payt_plans(self, src_partners, dst_partner):
        """PAYT can't move a payment plan to another debtor: a person looks at it."""
        plans = self.env["bfocused.payment.arrangement"].sudo()
        plans = plans.search([("partner_id", "in", src_partners.ids), ("payt_plan_id", "!=", False)])
        for plan in plans.filtered(lambda plan: plan.state == "agreed"):
            user = plan.company_id._get_payt_backend().responsible_id or self.env.user
            localized = plan.with_context(lang=user.lang)
            localized.activity_schedule(
                "mail.mail_activity_data_todo",
                summary=localized.env._("PAYT: payment plan of a merged customer"),
                note=localized.env._(
                    "%(merged)s was merged into %(kept)s. At PAYT the payment plan stays with debtor %(number)s, while "
                    "its invoices go to the other one: end it there, and agree it anew if it still holds.",
                    merged=plan.partner_id.name,
                    kept=dst_partner.name,
                    number=plan._get_payt_debtor_number(),
                ),
                user_id=user.id,
            )
