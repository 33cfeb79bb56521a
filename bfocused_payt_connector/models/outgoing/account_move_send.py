from odoo import api, fields, models


class AccountMoveSend(models.AbstractModel):
    """Sending by PAYT: the documents come from Odoo, and the outbox takes them there after this transaction."""

    _inherit = "account.move.send"

    # === BUSINESS: DEFAULTS

    @api.model
    def _get_default_sending_methods(self, move) -> set:
        # EXTENDS 'account'
        methods = super()._get_default_sending_methods(move)
        if move.is_sale_document() and move.commercial_partner_id._is_sent_by_payt(move.company_id):
            methods = (methods - {"email"}) | {"payt"}
            if move.company_id._get_payt_backend().mailing == "odoo":
                methods.add("email")
        return methods

    # === BUSINESS: ALERTS

    @api.model
    def _get_alerts(self, moves, moves_data):
        # EXTENDS 'account'
        alerts = super()._get_alerts(moves, moves_data)
        by_payt = moves.filtered(lambda move: "payt" in moves_data[move]["sending_methods"])
        if by_payt:
            level = "danger" if len(moves) == 1 else "warning"
            alerts.update(self._get_payt_backend_alerts(by_payt, level))
            alerts.update(self._get_payt_move_alerts(by_payt, level))
        return alerts

    @api.model
    def _get_payt_backend_alerts(self, moves, level):
        alerts = {}
        without = moves.company_id.filtered(lambda company: not company._get_payt_backend())
        if without:
            names = ", ".join(without.mapped("name"))
            message = self.env._("%s has no connection with PAYT: nothing is sent there.", names)
            alerts["payt_no_backend"] = {"level": level, "message": message}
        if any(company._get_payt_backend().paused for company in moves.company_id - without):
            message = self.env._("PAYT is paused. The invoices wait in the outbox until somebody switches it on again.")
            alerts["payt_paused"] = {"level": "warning", "message": message}
        return alerts

    @api.model
    def _get_payt_move_alerts(self, moves, level):
        alerts = {}
        lost = moves.partner_id.filtered(lambda partner: not partner._has_payt_address())
        if lost:
            alerts["payt_missing_address"] = {
                "level": level,
                "message": self.env._(
                    "PAYT can't reach %s: no e-mail address, no Peppol address and no complete postal address.",
                    ", ".join(lost.mapped("display_name")),
                ),
                "action_text": self.env._("View Partner(s)"),
                "action": lost._get_records_action(name=self.env._("Check Partner(s)")),
            }
        sent = moves.filtered(lambda move: move.payt_sent_at)
        if sent:
            message = self.env._(
                "Sent already: %s. PAYT doesn't send an invoice twice.", ", ".join(sent.mapped("name"))
            )
            alerts["payt_sent_already"] = {"level": "info", "message": message}
        return alerts

    # === BUSINESS: SENDING METHODS

    @api.model
    def _is_applicable_to_company(self, method, company):
        # EXTENDS 'account'
        if method == "payt":
            return bool(company._get_payt_backend())
        return super()._is_applicable_to_company(method, company)

    @api.model
    def _is_applicable_to_move(self, method, move, **move_data):
        # EXTENDS 'account'
        if method == "payt":
            return (
                self._is_applicable_to_company(method, move.company_id)
                and move.is_sale_document()
                and move.partner_id._has_payt_address()
            )
        return super()._is_applicable_to_move(method, move, **move_data)

    # === BUSINESS: SENDING

    @api.model
    def _get_payt_moves(self, moves_data):
        """Those of the moves that go to PAYT."""
        chosen = [
            move.id
            for move, data in moves_data.items()
            if "payt" in data["sending_methods"] and self._is_applicable_to_move("payt", move, **data)
        ]
        return self.env["account.move"].sudo().browse(chosen)

    @api.model
    def _call_web_service_after_invoice_pdf_render(self, invoices_data):
        # EXTENDS 'account': no request here, which would hold this transaction up and couldn't be undone with it
        result = super()._call_web_service_after_invoice_pdf_render(invoices_data)
        self._get_payt_moves(invoices_data)._queue_payt_invoices()
        return result

    @api.model
    def _link_invoice_documents(self, invoices_data):
        # EXTENDS 'account': it marks an invoice as sent once its PDF is made; PAYT has yet to say so
        by_payt = [move.id for move, data in invoices_data.items() if "payt" in data["sending_methods"]]
        unsent = self.env["account.move"].browse(by_payt).filtered(lambda move: not move.is_move_sent)
        result = super()._link_invoice_documents(invoices_data)
        unsent.is_move_sent = False
        return result

    @api.model
    def _hook_if_errors(self, moves_data, allow_raising=True):
        # EXTENDS 'account'
        result = super()._hook_if_errors(moves_data, allow_raising=allow_raising)
        for move, data in moves_data.items():
            if "payt" in data["sending_methods"] and move._get_payt_backend():
                error = data["error"] if isinstance(data["error"], dict) else {"error_title": data["error"]}
                move._set_payt_error(self._format_error_text(error))
        return result

    @api.model
    def _hook_if_success(self, moves_data, from_cron=False):
        # EXTENDS 'account'
        result = super()._hook_if_success(moves_data, from_cron=from_cron)
        for move, data in moves_data.items():
            if "payt" not in data["sending_methods"]:
                continue
            self._note_what_odoo_sent(move, data)
            if problem := self._get_payt_problem(move, data):
                move._set_payt_error(problem)
            if self._is_handed_over(move, data):
                move.is_move_sent = True
        return result

    @api.model
    def _note_what_odoo_sent(self, move, move_data):
        """What went out by another way too, PAYT is told not to send."""
        others = set(move_data["sending_methods"]) - {"payt", "manual"}
        sent = any(self._is_applicable_to_move(method, move, **move_data) for method in others)
        if sent and not move.payt_sent_at:
            move.write({"payt_sent_at": fields.Datetime.now(), "payt_sent_by": "odoo"})

    @api.model
    def _get_payt_problem(self, move, move_data):
        """Why an invoice doesn't get to PAYT, as a sentence; empty when it does."""
        backend = move._get_payt_backend()
        if not backend:
            return self.env._("%s has no connection with PAYT: nothing is sent there.", move.company_id.name)
        if not self._is_applicable_to_move("payt", move, **move_data):
            alert = self._get_payt_move_alerts(move, "danger").get("payt_missing_address")
            return alert["message"] if alert else self.env._("PAYT takes invoices and credit notes only.")
        if backend.mailing == "odoo" and not move.payt_sent_at:
            # PAYT would send it, if it had it
            return self.env._("Not sent: %s has no e-mail address.", move.partner_id.name)
        return ""

    @api.model
    def _is_handed_over(self, move, move_data):
        # EXTENDS 'bfocused_billing': what PAYT sends is sent when PAYT says so
        if "payt" not in move_data["sending_methods"]:
            return super()._is_handed_over(move, move_data)
        return move._is_sent_through_payt() or move.payt_sent_by == "odoo"

    @api.model
    def _tell_not_sent(self, move, move_data):
        # EXTENDS 'bfocused_billing': on its way to PAYT, or told by its PAYT state
        if "payt" in move_data["sending_methods"]:
            return None
        return super()._tell_not_sent(move, move_data)
