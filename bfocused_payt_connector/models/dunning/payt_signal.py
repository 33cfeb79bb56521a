from odoo import api, fields, models

from ...const import ACTIVITY_SIGNALS, NOTIFIED_SIGNALS


class PaytSignal(models.Model):
    """Something PAYT says of a customer that a person, or a later step of ours, may want to act on.

    Each is kept once, under the key that PAYT's record or event gives it.
    """

    _name = "payt.signal"
    _description = "PAYT Signal"
    _order = "moment desc, id desc"
    _rec_name = "kind"
    _check_company_auto = True

    backend_id = fields.Many2one(
        "payt.backend", string="Connection", required=True, index=True, ondelete="cascade", readonly=True
    )
    company_id = fields.Many2one(related="backend_id.company_id", store=True, index=True)
    key = fields.Char(required=True, readonly=True)
    kind = fields.Selection(
        [
            ("comment", "Comment"),
            ("mail_bounced", "E-mail came back"),
            ("letter_returned", "Letter came back"),
            ("sms_failed", "Text message failed"),
            ("email_provided", "New e-mail address"),
            ("credit_limit_exceeded", "Credit limit exceeded"),
            ("creditworthiness_changed", "Creditworthiness changed"),
            ("label_added", "Label added"),
            ("label_removed", "Label removed"),
            ("end_of_service_announcement", "End of service announced"),
            ("end_of_service", "Service ended"),
            ("notification", "Notification"),
        ],
        string="What",
        required=True,
        readonly=True,
    )
    partner_id = fields.Many2one(
        "res.partner", string="Customer", required=True, index=True, ondelete="cascade", readonly=True
    )
    move_id = fields.Many2one(
        "account.move", string="Invoice", index="btree_not_null", ondelete="cascade", readonly=True, check_company=True
    )
    moment = fields.Datetime(string="When", required=True, readonly=True)
    detail = fields.Text(string="Details", readonly=True)
    author = fields.Char(string="From", readonly=True)
    state = fields.Selection([("open", "Open"), ("handled", "Handled")], required=True, default="open", readonly=True)
    handled_at = fields.Datetime(string="Handled on", readonly=True)
    activity_id = fields.Many2one("mail.activity", ondelete="set null", readonly=True)

    _signal_once = models.UniqueIndex("(backend_id, key)", "This signal is known already.")
    _open = models.Index("(partner_id, kind) WHERE state = 'open'")

    # === ACTIONS

    def action_handle(self):
        """Somebody saw to it; the activity that asked for it is done too."""
        self.check_access("read")
        self.sudo()._handle()

    def action_reopen(self):
        """It isn't done after all."""
        self.check_access("read")
        self.sudo().write({"state": "open", "handled_at": False})

    # === BUSINESS

    @api.model
    def _put(self, backend, key, values, ask=True):
        """Keep a signal, and have somebody look where that is needed; what is known already stays as it is.

        :param backend: ``payt.backend`` record
        :param key: stands for PAYT's record or event
        :param values: ``kind``, ``partner_id``, ``moment`` and what else there is
        :param ask: whether somebody has to do something about it, if it is of such a kind
        :return: the signal
        """
        known = self.search([("backend_id", "=", backend.id), ("key", "=", key)])
        if known:
            known._move_to(values["moment"])
            return known
        is_news = backend._is_news(values["moment"])
        if not is_news:
            # from before there was a connection: PAYT's own users saw to it there
            values = {**values, "state": "handled"}
        signal = self.create({"backend_id": backend.id, "key": key, **values})
        if is_news and signal.kind in NOTIFIED_SIGNALS:
            signal._tell(ask and signal.kind in ACTIVITY_SIGNALS and signal.state == "open")
        return signal

    def _move_to(self, moment):
        for signal in self.filtered(lambda signal: signal.moment != moment):
            signal.moment = moment

    def _handle(self):
        """Also when PAYT says that somebody saw to it there."""
        still_open = self.filtered(lambda signal: signal.state == "open")
        still_open.write({"state": "handled", "handled_at": fields.Datetime.now()})
        still_open.activity_id.action_feedback()

    def _tell(self, ask):
        """A message in the conversation; an activity where somebody has to do something."""
        self.ensure_one()
        backend = self.backend_id
        signal = self.with_context(lang=backend._get_person(self.move_id).lang)
        # what comes back concerns all that goes to the customer; a comment is on an invoice, if it is
        is_address = self.kind in ("mail_bounced", "letter_returned")
        record = signal.partner_id if is_address or not self.move_id else signal.move_id
        body, summary = signal._get_message(), signal._get_summary()
        record._message_log(body=body)
        if is_address and self.move_id:
            signal.move_id._message_log(body=body)
        if ask:
            self.activity_id = backend.with_context(lang=signal.env.lang)._ask_person(record, summary, body)

    def _get_summary(self):
        label = dict(self._fields["kind"]._description_selection(self.env))[self.kind]
        return self.env._("PAYT: %s", label)

    def _get_message(self):
        parts = [self._get_summary(), self.move_id.name or "", self.author or "", self.detail or ""]
        return " – ".join(part for part in parts if part)
