from odoo import models

from ..incoming.payt_mirror_apply import PaytWaits


class PaytMirror(models.Model):
    """Mandates at PAYT's payment provider: made or revoked there."""

    _inherit = "payt.mirror"

    def _get_known_psp_mandates(self):
        """Odoo's mandates and customers of these rows, by reference and by debtor number or PAYT's debtor."""
        payloads = [row.sudo().payload or {} for row in self]
        references = [payload["mandate_reference"] for payload in payloads if payload.get("mandate_reference")]
        mandates = self.env["account.banking.mandate"].sudo()
        found = mandates.search(
            [("company_id", "in", self.company_id.ids), ("unique_mandate_reference", "in", references)]
        )
        return {
            "mandates": {mandate.unique_mandate_reference: mandate for mandate in found},
            "by_number": self._get_payt_debtors({payload.get("debtor_number") for payload in payloads} - {None, ""}),
            "by_debtor": self._get_payt_partners({payload.get("debtor_id") for payload in payloads}),
        }

    def _apply_psp_mandates(self, known):
        mandate = known["mandates"].get(self.payload.get("mandate_reference"))
        if mandate:
            self._follow_mandate(mandate, self._read_moment(self.payload.get("deactivated_at")))
            return mandate
        if self.payload.get("deactivated_at") or (self.model == "res.partner" and self.res_id):
            return None  # of no use to us, or told before
        partner = self._get_mandate_partner(known)
        if partner:
            self._tell_unknown_mandate(partner)
        return partner

    def _apply_deleted_psp_mandates(self, known):
        """A mandate that isn't there any more can't be collected with, just as a revoked one."""
        mandate = known["mandates"].get((self.payload or {}).get("mandate_reference"))
        if not mandate and self.model == "account.banking.mandate" and self.res_id:
            mandate = self.env[self.model].sudo().browse(self.res_id).exists()
        if mandate:
            self._follow_mandate(mandate, self.deleted_at)
        return mandate

    def _follow_mandate(self, mandate, revoked_at):
        """Note where one of ours stands.

        :param revoked_at: ``datetime`` without time zone; ``None`` while it is in force
        """
        if not revoked_at:
            if mandate.payt_state in ("none", "queued", "error") and mandate._is_for_payt():
                mandate._payt_taken_psp_mandate(self.backend_id, self.payload)
        elif mandate.payt_state == "revoking":
            mandate._payt_taken_psp_mandate_revocation(self.backend_id, {})
        elif mandate.payt_state == "pushed":
            mandate._end_at_payt(revoked_at)

    def _get_mandate_partner(self, known):
        """Whose mandate it is; ``None`` for a debtor that isn't Odoo's."""
        if number := self.payload.get("debtor_number"):
            return known["by_number"].get(number)
        debtor_id = str(self.payload.get("debtor_id"))
        if debtor_id not in known["by_debtor"]:
            raise PaytWaits(self.env._("The debtor %s of the mandate wasn't read yet.", debtor_id))
        return known["by_debtor"][debtor_id]

    def _tell_unknown_mandate(self, partner):
        """Not made in Odoo: nothing is collected here without the signed proof."""
        user = partner._get_mandate_user(self.company_id)
        told = partner.with_context(lang=user.lang)
        told.activity_schedule(
            "mail.mail_activity_data_todo",
            summary=told.env._("PAYT has a mandate that Odoo hasn't"),
            note=told.env._(
                "%(provider)s has mandate %(mandate)s of this customer, which was signed there. Odoo collects with "
                "signed mandates only: register the form that was signed, or have the customer sign another one.",
                provider=(self.payload.get("provider") or "PAYT").capitalize(),
                mandate=self.payload.get("mandate_reference") or self.payload.get("mandate_identifier") or "",
            ),
            user_id=user.id,
        )
