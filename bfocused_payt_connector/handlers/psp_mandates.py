from . import lookup
from .base import Handler, PaytWaits
from .payload import read_moment


class PspMandatesHandler(Handler):
    """Mandates at PAYT's payment provider: made or revoked there."""

    resource = "psp_mandates"

    def prepare(self):
        payloads = [row.payload or {} for row in self.rows]
        references = [payload["mandate_reference"] for payload in payloads if payload.get("mandate_reference")]
        found = self.env["account.banking.mandate"].search(
            [("company_id", "=", self.company.id), ("unique_mandate_reference", "in", references)]
        )
        self.mandates = {mandate.unique_mandate_reference: mandate for mandate in found}
        numbers = [payload.get("debtor_number") for payload in payloads]
        self.partners_by_number = lookup.find_debtors_by_number(self.backend, numbers)
        self.partners = lookup.get_debtors(self.backend, [payload.get("debtor_id") for payload in payloads])

    def apply(self, row):
        mandate = self.mandates.get(row.payload.get("mandate_reference"))
        if mandate:
            self._follow_mandate(row, mandate, read_moment(row.payload.get("deactivated_at")))
            return mandate
        if row.payload.get("deactivated_at") or (row.model == "res.partner" and row.res_id):
            return None  # of no use to us, or told before
        partner = self._get_partner(row)
        if partner:
            self._tell_unknown_mandate(row, partner)
        return partner

    def apply_deleted(self, row):
        """A mandate that isn't there any more can't be collected with, just as a revoked one."""
        mandate = self.mandates.get((row.payload or {}).get("mandate_reference"))
        if not mandate and row.model == "account.banking.mandate" and row.res_id:
            mandate = self.env[row.model].browse(row.res_id).exists()
        if mandate:
            self._follow_mandate(row, mandate, row.deleted_at)
        return mandate

    def _follow_mandate(self, row, mandate, revoked_at):
        """Note where one of ours stands.

        :param revoked_at: ``datetime`` without time zone; ``None`` while it is in force
        """
        if not revoked_at:
            if mandate.payt_state in ("none", "queued", "error") and mandate._is_for_payt():
                mandate._payt_taken_psp_mandate(self.backend, row.payload)
        elif mandate.payt_state == "revoking":
            mandate._payt_taken_psp_mandate_revocation(self.backend, {})
        elif self._is_of_debtor_before(row, mandate):
            return  # the customer was merged: PAYT has it under the other debtor
        elif mandate.payt_state == "pushed":
            mandate._end_at_payt(revoked_at)

    def _is_of_debtor_before(self, row, mandate):
        number = row.payload.get("debtor_number")
        return bool(number and mandate.payt_debtor_code) and number != mandate.payt_debtor_code

    def _get_partner(self, row):
        """Whose mandate it is; nobody for a debtor that isn't Odoo's."""
        if number := row.payload.get("debtor_number"):
            return self.partners_by_number.get(number)
        debtor_id = str(row.payload.get("debtor_id"))
        if debtor_id not in self.partners:
            raise PaytWaits(self.env._("The debtor %s of the mandate wasn't read yet.", debtor_id))
        return self.partners[debtor_id]

    def _tell_unknown_mandate(self, row, partner):
        """Not made in Odoo: nothing is collected here without the signed proof."""
        user = partner._get_mandate_user(self.company)
        localized = partner.with_context(lang=user.lang)
        localized.activity_schedule(
            "mail.mail_activity_data_todo",
            summary=localized.env._("PAYT has a mandate that Odoo hasn't"),
            note=localized.env._(
                "%(provider)s has mandate %(mandate)s of this customer, which was signed there. Odoo collects with "
                "signed mandates only: register the form that was signed, or have the customer sign another one.",
                provider=(row.payload.get("provider") or "PAYT").capitalize(),
                mandate=row.payload.get("mandate_reference") or row.payload.get("mandate_identifier") or "",
            ),
            user_id=user.id,
        )
