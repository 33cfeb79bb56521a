from odoo import models

from ...payt_api import PaytPayloadInvalid

NOT_YET = "debtor_number"  # is given at the hand-over


class ResPartner(models.Model):
    """Customers from before PAYT was used."""

    _inherit = "res.partner"

    def _get_payt_problem(self, backend):
        """What would keep PAYT from working with this customer, as a text; ``False`` when nothing is known."""
        self.ensure_one()
        problems = []
        try:
            self._prepare_payt_contact(backend)
            self._prepare_payt_debtor(backend)
        except PaytPayloadInvalid as error:
            problems += [problem for problem in error.problems if not problem.startswith(NOT_YET)]
        if not self._has_payt_address():
            problems.append(self.env._("No e-mail address, no Peppol address and no complete postal address."))
        return "; ".join(problems) or False

    def _job_hand_to_payt(self):
        """Job: hand over customers of the current company, with the mandates they pay with."""
        partners = self.exists()
        partners._queue_payt_debtor()
        for partner in partners:
            mandate = partner._get_billing_mandate(self.env.company)
            mandate.filtered(lambda mandate: mandate._is_for_payt())._queue_payt_mandates()
