from odoo import api, fields, models
from odoo.tools import email_normalize

from ...const import SEVERITY
from ...handlers.payload import read_moment
from ..outgoing.account_move import STATES

HALTED_STATES = ("paused", "error", "queued")  # how far PAYT got is then in payt_step_state


class ResPartner(models.Model):
    """Where a customer stands at PAYT: the worst of the open invoices, the open costs, and PAYT's page for them.

    An e-mail address that the customer gave to PAYT is a proposal: it is never taken over by itself.
    """

    _inherit = "res.partner"

    payt_worst_state = fields.Selection(
        [(state, label) for state, label in STATES if state in SEVERITY],
        string="PAYT's dunning",
        compute="_compute_payt_worst_state",
        search="_search_payt_worst_state",
        help="How far PAYT got with the open invoice that is worst.",
    )
    payt_credit_case_count = fields.Integer(compute="_compute_payt_credit_cases")
    payt_open_costs = fields.Monetary(
        string="Open collection costs and interest",
        compute="_compute_payt_credit_cases",
        help="Of the credit cases that aren't closed, in the company's currency.",
    )
    payt_signal_count = fields.Integer(compute="_compute_payt_signal_count")
    payt_debtor_url = fields.Char(string="Page at PAYT", company_dependent=True, copy=False, readonly=True)
    payt_debtor_public_url = fields.Char(
        string="PAYT's page for the customer",
        company_dependent=True,
        copy=False,
        readonly=True,
        help="Where the customer sees and pays at PAYT. Whoever has this address needs no password.",
    )
    payt_debtor_paused_at = fields.Datetime(
        string="Customer paused at PAYT", company_dependent=True, copy=False, readonly=True
    )
    payt_labels = fields.Char(string="Labels at PAYT", company_dependent=True, copy=False, readonly=True)

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

    # === COMPUTE

    @api.model
    def _get_payt_open_domain(self):
        """Open invoices of the current company that PAYT follows up."""
        return [
            ("company_id", "=", self.env.company.id),
            ("move_type", "=", "out_invoice"),
            ("state", "=", "posted"),
            ("payment_state", "in", ("not_paid", "partial")),
            ("payt_state", "not in", (False, "none", "paid")),
        ]

    @api.depends_context("company")
    def _compute_payt_worst_state(self):
        groups = self.env["account.move"]._read_group(
            [*self._get_payt_open_domain(), ("commercial_partner_id", "in", self.commercial_partner_id.ids)],
            ["commercial_partner_id", "payt_state", "payt_step_state"],
        )
        found = {}
        for partner, state, step in groups:
            state = step if state in HALTED_STATES else state
            if state in SEVERITY:
                found.setdefault(partner.id, []).append(state)
        for partner in self:
            partner.payt_worst_state = max(
                found.get(partner.commercial_partner_id.id, []), key=SEVERITY.index, default=False
            )

    def _search_payt_worst_state(self, operator, value):
        if operator != "in":
            return NotImplemented
        groups = self.env["account.move"]._read_group(self._get_payt_open_domain(), ["commercial_partner_id"])
        partners = self.browse([partner.id for [partner] in groups])
        fit = partners.filtered(lambda partner: partner.payt_worst_state in value)
        if False in value:
            return ["|", ("id", "in", fit.ids), ("id", "not in", partners.ids)]
        return [("id", "in", fit.ids)]

    @api.depends_context("company")
    def _compute_payt_credit_cases(self):
        company, today = self.env.company, fields.Date.context_today(self)
        groups = self.env["payt.credit.case"]._read_group(
            [("company_id", "=", company.id), ("partner_id", "in", self.commercial_partner_id.ids)],
            ["partner_id", "currency_id"],
            ["open_costs:sum", "__count"],
        )
        costs, counts = {}, {}
        for partner, currency, amount, count in groups:
            if currency:
                amount = currency._convert(amount, company.currency_id, company, today)
            costs[partner.id] = costs.get(partner.id, 0.0) + amount
            counts[partner.id] = counts.get(partner.id, 0) + count
        for partner in self:
            partner.payt_open_costs = costs.get(partner.commercial_partner_id.id, 0.0)
            partner.payt_credit_case_count = counts.get(partner.commercial_partner_id.id, 0)

    @api.depends_context("company")
    def _compute_payt_signal_count(self):
        groups = self.env["payt.signal"]._read_group(
            [
                ("company_id", "=", self.env.company.id),
                ("partner_id", "in", self.commercial_partner_id.ids),
                ("state", "=", "open"),
            ],
            ["partner_id"],
            ["__count"],
        )
        counts = {partner.id: count for partner, count in groups}
        for partner in self:
            partner.payt_signal_count = counts.get(partner.commercial_partner_id.id, 0)

    # === ACTIONS

    def action_open_payt_credit_cases(self):
        """The customer's credit cases, those that ended too."""
        return self._open_payt("bfocused_payt_connector.payt_credit_case_action", {"active_test": False})

    def action_open_payt_signals(self):
        """What PAYT says of the customer."""
        return self._open_payt("bfocused_payt_connector.payt_signal_action", {"search_default_open": 1})

    def action_open_payt_debtor(self):
        """The customer's page at PAYT."""
        self.ensure_one()
        return {"type": "ir.actions.act_url", "url": self.commercial_partner_id.payt_debtor_url, "target": "new"}

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

    def _open_payt(self, xml_id, context):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(xml_id)
        return {**action, "domain": [("partner_id", "=", self.commercial_partner_id.id)], "context": context}

    # === BUSINESS

    def _follow_payt_debtor(self, backend, payload):
        """What PAYT says of a customer, in the current company; saying it again changes nothing.

        :param backend: ``payt.backend`` record
        :param payload: PAYT's debtor
        """
        self.ensure_one()
        labels = sorted(label["name"] for label in payload.get("labels") or [] if label.get("name"))
        self._write_payt_changes(
            {
                "payt_debtor_url": payload.get("deeplink_url") or False,
                "payt_debtor_public_url": payload.get("public_url") or False,
                "payt_debtor_paused_at": read_moment(payload.get("paused_at")) or False,
                "payt_labels": ", ".join(labels) or False,
            }
        )
        self._follow_payt_email(backend, payload)

    def _write_payt_changes(self, values):
        changed = {name: value for name, value in values.items() if (self[name] or False) != value}
        if changed:
            self.write(changed)

    # === BUSINESS: THE ADDRESS GIVEN TO PAYT

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
        moment = read_moment(payload.get("updated_at"))
        if given and moment:
            values = {"kind": "email_provided", "partner_id": self.id, "moment": moment, "detail": given}
            self.env["payt.signal"]._put(backend, f"email {self.id} {given} {moment}", values)
