import logging

from psycopg2 import OperationalError

from odoo import models
from odoo.exceptions import UserError
from odoo.tools import split_every

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
        """Send together; when that fails in halves, until the failing invoice stands alone and says why."""
        if not self:
            return
        try:
            with self.env.cr.savepoint():
                self.env["account.move.send"]._generate_and_send_invoices(self, allow_raising=False)
        except OperationalError:
            raise
        except Exception as error:  # one invoice that can't be sent must not stop the others
            if len(self) > 1:
                middle = len(self) // 2
                self[:middle]._send_apart()
                self[middle:]._send_apart()
                return
            if not isinstance(error, UserError):
                _logger.exception("Invoice %s could not be sent", self.id)
            self.message_post(body=self.env._("Not sent: %s", error))
