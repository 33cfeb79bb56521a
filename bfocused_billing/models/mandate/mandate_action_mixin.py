import logging

from odoo import models
from odoo.exceptions import UserError
from odoo.tools import html2plaintext

from ...transactions import process_isolated

_logger = logging.getLogger(__name__)


class MandateActionMixin(models.AbstractModel):
    """What quotations and subscriptions that wait for a mandate have in common: the buttons, and going on with it."""

    _name = "bfocused.mandate.action.mixin"
    _description = "Mandate: buttons and release"

    def _get_mandate_payer(self):
        """Whose mandate it takes; ``res.partner``, maybe a contact of the customer."""
        self.ensure_one()
        return self.partner_invoice_id or self.partner_id

    def _prepare_mandate_request(self):
        """What a request made from here says of it."""
        return {}

    def action_send_mandate_request(self):
        """Mail the customer a link to the mandate form."""
        self.ensure_one()
        self.check_access("write")
        requests = self.env["bfocused.mandate.request"]
        request = requests._get_or_create_for(
            self._get_mandate_payer(), self.company_id, **self._prepare_mandate_request()
        )
        request._send()
        return request._notify_sent()

    def action_register_paper_form(self):
        """Open the form for a mandate that was signed on paper."""
        self.ensure_one()
        payer = self._get_mandate_payer().commercial_partner_id
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Register paper form"),
            "res_model": "bfocused.mandate.paper",
            "view_mode": "form",
            "target": "new",
            "context": {"default_partner_id": payer.id, "default_company_id": self.company_id.id},
        }

    # === RELEASE

    def _release(self):
        """Do what waited for the mandate."""

    def _get_failure_message(self, reason):
        """Sentence that tells why :meth:`_release` failed."""
        return reason

    def _release_each(self):
        """Let each that waited go on, where it can be collected; one that fails says so and doesn't stop the others.

        :raise OperationalError: the database gave up the transaction; the caller repeats it as a whole
        """
        for record in self.filtered("awaits_mandate"):
            own = record.with_company(record.company_id)
            process_isolated(
                self.env.cr, own, lambda one: one._release_if_possible(), lambda one, error: one._give_up(error)
            )

    def _release_if_possible(self):
        if not self._get_mandate_problem():
            self._release()

    def _give_up(self, error):
        """The signature, the run and the daily job go on, whatever is wrong with one."""
        if isinstance(error, UserError):
            _logger.info("%s could not go on with its mandate", self, exc_info=error)
            self._tell_failure(str(error))
        else:
            _logger.error("%s could not go on with its mandate", self, exc_info=error)
            self._tell_failure(self.env._("Unexpected error: %s", error))

    def _tell_failure(self, reason):
        """Post why it failed; not again each day when it is tried again."""
        message = self._get_failure_message(reason)
        if html2plaintext(self.message_ids[:1].body or "").strip() != message.strip():
            self.message_post(body=message)
