import logging

from odoo import models
from odoo.exceptions import UserError
from odoo.tools import split_every

from ...tools import process_isolated

_logger = logging.getLogger(__name__)

SENDING_SIZE = 50  # invoices whose PDFs are rendered in one call
SENDING_PRIORITY = 20  # after the billing itself


class AccountMove(models.Model):
    """Handing posted invoices to sending: by jobs, apart from the transaction that makes the invoices."""

    _inherit = "account.move"

    def _hand_to_sending(self):
        """Enqueue the sending of these invoices, each by the customer's own sending method.

        It is done in the transaction that posts them, so that none is forgotten and none is sent that isn't there.
        """
        for ids in split_every(SENDING_SIZE, self.ids, list):
            moves = self.browse(ids)
            moves.with_delay(
                priority=SENDING_PRIORITY,
                description=self.env._("Send %s invoices", len(ids)),
                identity_key=f"bfocused_billing.send.{ids[0]}.{ids[-1]}",
            )._job_send()

    def _job_send(self):
        """Job: send what isn't sent yet; doing it twice sends nothing twice."""
        self.exists().filtered(lambda move: move.state == "posted" and not move.is_move_sent)._send_apart()

    def _send_apart(self):
        """Send these invoices together; one that can't be sent says why."""
        send = self.env["account.move.send"]
        process_isolated(
            self.env.cr,
            self,
            lambda moves: send._generate_and_send_invoices(moves, allow_raising=False),
            lambda move, error: move._tell_unsent(error),
        )

    def _tell_unsent(self, error):
        if not isinstance(error, UserError):
            _logger.error("Invoice %s could not be sent", self.id, exc_info=error)
        self.message_post(body=self.env._("Not sent: %s", error))
