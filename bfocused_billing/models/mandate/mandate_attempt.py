from datetime import timedelta
from ipaddress import ip_address, ip_network

from odoo import api, fields, models


class MandateAttempt(models.Model):
    """A wrong IBAN or link from an address on the internet; too many of them slow the address down."""

    _name = "bfocused.mandate.attempt"
    _description = "Refused try on a mandate form"
    _rec_name = "address"

    address = fields.Char(required=True, index=True)

    @api.model
    def _get_address_key(self, address):
        """Who counts as one: an IPv4 address, or the /64 network that one IPv6 connection has at its disposal."""
        try:
            parsed = ip_address(address or "")
        except ValueError:
            return "unknown"
        if parsed.version == 4:
            return str(parsed)
        return str(ip_network((parsed, 64), strict=False))

    @api.model
    def _add(self, address):
        """Count a refused try from an address."""
        self.sudo().create({"address": self._get_address_key(address)})

    @api.model
    def _get_wait(self, address, company):
        """For how many minutes an address has to wait after too many refused tries; 0 when it may go on.

        :param company: ``res.company`` whose limits hold
        """
        now = fields.Datetime.now()
        domain = [
            ("address", "=", self._get_address_key(address)),
            ("create_date", ">", now - timedelta(minutes=company.mandate_attempt_minutes)),
        ]
        tries = self.sudo().search(domain, order="id desc", limit=company.mandate_attempt_limit)
        if len(tries) < company.mandate_attempt_limit:
            return 0
        oldest = tries[-1:].create_date
        end = oldest + timedelta(minutes=company.mandate_attempt_minutes)
        return max(1, -int((now - end).total_seconds() // 60))

    @api.autovacuum
    def _gc_attempts(self):
        self.sudo().search([("create_date", "<", fields.Datetime.now() - timedelta(days=1))]).unlink()
