import csv
import io
import re

from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL, float_repr

FORMULA = re.compile(r"\s*[=+\-@\t\r\n]")
PHONE_NUMBER = re.compile(r"\+?\d+", re.ASCII)
MOST_CALLS_IN_PDF = 2000  # the most calls a PDF lists; a CSV lists all


class AccountMove(models.Model):
    """The calls on an invoice, and their specification."""

    _inherit = "account.move"

    has_usage = fields.Boolean(compute="_compute_has_usage", compute_sudo=True)
    usage_specification_file = fields.Binary(string="Call specification file", attachment=True, copy=False)
    usage_specification_id = fields.Many2one(
        "ir.attachment",
        string="Call specification",
        compute=lambda self: self._compute_linked_attachment_id("usage_specification_id", "usage_specification_file"),
        depends=["usage_specification_file"],
        help="As it was sent to the customer.",
    )

    # === COMPUTE

    def _compute_has_usage(self):
        domain = [("move_id", "in", self.ids), ("kind", "=", "usage")]
        groups = self.env["bfocused.billing.charge"]._read_group(domain, ["move_id"])
        with_usage = {move.id for (move,) in groups}
        for move in self:
            move.has_usage = move.id in with_usage

    # === ACTIONS

    def action_download_usage(self):
        """Attach the specification of the calls as CSV, and download it."""
        self.ensure_one()
        attachment = self._attach_usage_specification()
        return {
            "type": "ir.actions.act_url",
            "url": f"/web/content/{attachment.id}?download=true",
            "target": "download",
        }

    def action_print_usage(self):
        self.ensure_one()
        return self.env.ref("bfocused_billing.action_report_usage_specification").report_action(self)

    # === BUSINESS

    def _get_usage_charges(self):
        """The charges of calls on the invoice, by number and destination class.

        :raise AccessError: if the user may not read the invoice
        """
        self.check_access("read")
        charges = self.env["bfocused.billing.charge"].sudo()
        found = charges.search([("move_id", "in", self.ids), ("kind", "=", "usage")])
        return found.sorted(
            lambda charge: (charge.usage_number_id.name, charge.usage_destination_id.name or "", charge.period_start)
        )

    def _get_usage_calls(self, charges, limit=None):
        """The calls of charges, oldest first, straight from the database.

        :return: iterator of (charge id, moment as text in the company's time zone, dialled number, seconds, amount)
        """
        if not charges:
            return iter(())
        charges.env["bfocused.usage.record"].flush_model()
        self.env.cr.execute(
            SQL(
                """
                SELECT charge_id, to_char(started_at AT TIME ZONE 'UTC' AT TIME ZONE %s, 'YYYY-MM-DD HH24:MI:SS'),
                       dialled, seconds, amount
                  FROM bfocused_usage_record
                 WHERE charge_id IN %s
              ORDER BY number, started_at, id
                 LIMIT %s
                """,
                self.company_id.billing_tz,
                tuple(charges.ids),
                limit,
            )
        )
        return iter(self.env.cr.fetchall())

    def _get_usage_csv(self):
        """The specification as a spreadsheet opens it.

        :return: bytes; amounts excluding VAT in the company's currency, durations in seconds
        """
        self.ensure_one()
        localized = self.with_context(lang=self.partner_id.lang or self.env.lang)
        env = localized.env
        charges = localized._get_usage_charges()
        names = {charge.id: (charge.usage_number_id.name, charge.usage_destination_id.name) for charge in charges}
        text = io.StringIO()
        writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
        header = [
            env._("Number"),
            env._("Destination"),
            env._("Started"),
            env._("Dialled number"),
            env._("Seconds"),
            env._("Amount"),
        ]
        writer.writerow(header)
        mark = localized.env["res.lang"]._get_data(code=localized.env.lang).decimal_point
        for charge_id, moment, dialled, seconds, amount in localized._get_usage_calls(charges):
            written = float_repr(amount, 6).replace(".", mark)
            writer.writerow([*map(_as_text, names[charge_id]), moment, _as_text(dialled), seconds, written])
        return text.getvalue().encode("utf-8-sig")

    def _attach_usage_specification(self):
        """Attach the CSV to the invoice, in the place of an earlier one.

        :return: ``ir.attachment`` record
        :raise UserError: when there are no calls on the invoice
        """
        self.ensure_one()
        if not self.has_usage:
            raise UserError(self.env._("There are no calls on this invoice."))
        name = self._get_usage_filename("csv")
        attachments = self.env["ir.attachment"]
        content = self._get_usage_csv()
        domain = [("res_model", "=", self._name), ("res_id", "=", self.id), ("name", "=", name)]
        attachment = attachments.search(domain, limit=1)
        if attachment:
            attachment.write({"raw": content, "mimetype": "text/csv"})
            return attachment
        return attachments.create(
            {"name": name, "res_model": self._name, "res_id": self.id, "raw": content, "mimetype": "text/csv"}
        )

    def _get_fields_to_detach(self):
        # EXTENDS 'account': a draft may change, and its calls with it
        return [*super()._get_fields_to_detach(), "usage_specification_file"]

    def _get_usage_filename(self, extension):
        return self.env._(
            "Calls %(invoice)s.%(extension)s",
            invoice=(self.name or str(self.id)).replace("/", "-"),
            extension=extension,
        )

    def _get_usage_pdf(self):
        """The specification as a PDF, in the customer's language.

        :return: bytes
        """
        self.ensure_one()
        self.check_access("read")
        report = "bfocused_billing.action_report_usage_specification"
        return self.env["ir.actions.report"].sudo()._render_qweb_pdf(report, self.ids)[0]

    def _make_usage_specification(self):
        """Keep the PDF of those invoices that have calls, for their mail; one that was made stays as it is."""
        attachments = self.env["ir.attachment"].sudo()
        for move in self.filtered(lambda move: move.has_usage and not move.usage_specification_id):
            localized = move.with_context(lang=move.partner_id.lang or self.env.lang)
            attachments.create(
                {
                    "name": localized._get_usage_filename("pdf"),
                    "raw": localized._get_usage_pdf(),
                    "mimetype": "application/pdf",
                    "res_model": move._name,
                    "res_id": move.id,
                    "res_field": "usage_specification_file",  # read by who may read the invoice
                }
            )
            move.invalidate_recordset(["usage_specification_id", "usage_specification_file"])

    def _get_usage_specification(self):
        """What the PDF shows.

        :return: list of dict with charge and its calls; and how many calls it leaves to the CSV
        """
        charges = self._get_usage_charges()
        calls = {charge.id: [] for charge in charges}
        for charge_id, moment, dialled, seconds, amount in self._get_usage_calls(charges, MOST_CALLS_IN_PDF):
            calls[charge_id].append({"moment": moment, "dialled": dialled, "seconds": seconds, "amount": amount})
        left_out = sum(charges.mapped("usage_calls")) - sum(map(len, calls.values()))
        return [{"charge": charge, "calls": calls[charge.id]} for charge in charges], max(left_out, 0)


def _as_text(cell):
    """A cell a spreadsheet doesn't take for a formula; of what begins like one, only a telephone number is none."""
    cell = cell or ""
    return f"'{cell}" if FORMULA.match(cell) and not PHONE_NUMBER.fullmatch(cell) else cell
