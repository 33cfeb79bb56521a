from odoo import fields, models
from odoo.tools import email_normalize


class ResPartner(models.Model):
    """An e-mail address that the customer gave to PAYT: a proposal, never taken over by itself."""

    _inherit = "res.partner"

    payt_provided_email = fields.Char(
        string="Address given to PAYT",
        company_dependent=True,
        copy=False,
        readonly=True,
        help="The customer gave PAYT this e-mail address. It is only used once somebody says so.",
    )
    payt_settled_email = fields.Char(
        company_dependent=True, copy=False, readonly=True, help="The last address that somebody accepted or refused."
    )

    # === ACTIONS

    def action_payt_use_email(self):
        """Send invoices to the address that the customer gave; PAYT hears of it as of any change."""
        self.check_access("write")
        for partner in self.filtered("payt_provided_email"):
            recipient = partner._get_payt_recipients()[0]
            recipient.email = partner.payt_provided_email
            partner._settle_payt_email()

    def action_payt_ignore_email(self):
        """Leave the address as it is."""
        self.check_access("write")
        self.filtered("payt_provided_email")._settle_payt_email()

    # === BUSINESS

    def _settle_payt_email(self):
        for partner in self.sudo():
            partner.write({"payt_settled_email": partner.payt_provided_email, "payt_provided_email": False})
        self._get_email_signals()._handle()

    def _get_email_signals(self):
        return (
            self.env["payt.signal"]
            .sudo()
            .search(
                [
                    ("company_id", "=", self.env.company.id),
                    ("partner_id", "in", self.ids),
                    ("kind", "=", "email_provided"),
                    ("state", "=", "open"),
                ]
            )
        )

    def _follow_payt_email(self, backend, payload):
        """Propose an address that is new; PAYT goes on giving it when it was settled long ago."""
        given = email_normalize(payload.get("debtor_provided_email_address") or "")
        in_use = self._get_payt_recipients()[0].email_normalized
        if given and given in (in_use, self.payt_settled_email):
            given = False
        if given == (self.payt_provided_email or False):
            return
        self._get_email_signals()._handle()
        self.write({"payt_provided_email": given})
        moment = self.env["payt.mirror"]._read_moment(payload.get("updated_at"))
        if given and moment:
            values = {"kind": "email_provided", "partner_id": self.id, "moment": moment, "detail": given}
            self.env["payt.signal"]._put(backend, f"email {self.id} {given} {moment}", values)
