from odoo import fields, models
from odoo.exceptions import UserError

from ...const import SCOPES
from ...payt_api import PaytError, PaytForbidden, PaytNotFound
from ...payt_api.operations import LISTINGS

# more than this and times PAYT gives can't be compared with ours
TOLERATED_SECONDS = 30


class PaytBackend(models.Model):
    """Whether the connection works, as a person wants to know it."""

    _inherit = "payt.backend"

    administration_name = fields.Char(copy=False, readonly=True)
    administration_currency = fields.Char(string="Currency of the administration", copy=False, readonly=True)
    missing_permissions = fields.Char(copy=False, readonly=True)
    clock_difference = fields.Integer(
        copy=False, readonly=True, help="Seconds by which PAYT's clock is ahead of this server's."
    )
    tested_at = fields.Datetime(string="Last tested", copy=False, readonly=True)
    test_message = fields.Char(string="Result of the test", copy=False, readonly=True)

    # === ACTIONS

    def action_test_connection(self):
        """Ask PAYT who we are and what we may do."""
        self.ensure_one()
        self.check_access("write")
        try:
            values = self._test()
        except PaytForbidden as err:
            raise UserError(self._explain_forbidden(err)) from err
        except PaytNotFound as err:
            raise UserError(
                self.env._("PAYT has no administration %s that this access may see.", self.administration_id)
            ) from err
        except PaytError as err:
            raise UserError(self.env._("The connection to PAYT can't be tested now. %s", err)) from err
        self.write({**values, "tested_at": fields.Datetime.now()})
        return self._notify(values["test_message"], is_good=not self._get_test_problems(values))

    def action_push(self):
        """Send what is waiting now, also what would have been tried again later."""
        self.ensure_one()
        self.check_access("read")
        if self.paused:
            raise UserError(self.env._("The connection to PAYT is paused: %s", self.paused_reason or ""))
        waiting = self.env["payt.outbox"].sudo().search([("backend_id", "=", self.id), ("state", "=", "pending")])
        waiting._make_due()
        self.env["payt.outbox"].sudo()._enqueue(self.sudo())
        return self._notify(self.env._("%s records are on their way to PAYT.", len(waiting)))

    # === BUSINESS

    def _test(self):
        """:return: the values found out, ready to be written"""
        with self._get_client(while_paused=True) as client:
            if self.administration_id:
                administration = client.administration()
            else:
                administration = self._choose_administration(client.administrations())
        values = {
            "administration_id": str(administration.get("id") or self.administration_id),
            "administration_name": administration.get("name"),
            "administration_currency": administration.get("currency_code"),
        }
        with self._get_client(while_paused=True, administration_id=values["administration_id"]) as client:
            values["missing_permissions"] = ", ".join(sorted(self._find_missing_permissions(client))) or False
            difference = client.clock_difference
        values["clock_difference"] = round(difference.total_seconds()) if difference else 0
        values["test_message"] = " ".join(
            [
                self.env._(
                    "Connected with %(name)s (%(currency)s).",
                    name=values["administration_name"],
                    currency=values["administration_currency"],
                ),
                *(self._get_test_problems(values) or [self.env._("All is well.")]),
            ]
        )
        return values

    def _choose_administration(self, administrations):
        if not administrations:
            raise UserError(self.env._("This access to PAYT has no administration."))
        if len(administrations) > 1:
            names = ", ".join(f"{found.get('name')} ({found.get('id')})" for found in administrations)
            raise UserError(self.env._("PAYT has several administrations: fill in the number of one. %s", names))
        return administrations[0]

    def _find_missing_permissions(self, client):
        """The permissions PAYT told with the token; without such an answer, those to read that PAYT refuses.

        A missing permission to write shows at the first write: trying it would write something.
        """
        scopes = self.sudo().token_ids.scopes if self.auth_method != "static" else False
        if scopes:
            return set(SCOPES) - set(scopes.split())
        missing = set()
        for listing in LISTINGS.values():
            try:
                next(client.iter_pages(listing.name, per_page=1), None)
            except PaytForbidden as error:
                if error.status != 403:
                    raise
                missing.add(error.missing_permission or listing.operation.scope)
        return missing

    def _get_test_problems(self, values):
        problems = []
        if values["missing_permissions"]:
            problems.append(self.env._("Missing permissions: %s.", values["missing_permissions"]))
        if values["administration_currency"] != self.company_id.currency_id.name:
            problems.append(self.env._("The company's currency is %s.", self.company_id.currency_id.name))
        if abs(values["clock_difference"]) > TOLERATED_SECONDS:
            problems.append(self.env._("The clocks differ by %s seconds.", values["clock_difference"]))
        return problems

    def _explain_forbidden(self, error):
        if error.missing_permission:
            return self.env._("PAYT lets us in, but the permission %s is missing.", error.missing_permission)
        if error.status == 401 and self.auth_method == "static":
            return self.env._("PAYT doesn't take the fixed token. %s", error)
        if error.status == 401:
            return self.env._("PAYT doesn't take the client id and secret. %s", error)
        return self.env._("PAYT doesn't let us in. %s", error)

    def _notify(self, message, is_good=True):
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "title": self.env._("PAYT"),
                "message": message,
                "type": "success" if is_good else "warning",
                "sticky": not is_good,
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }
