from odoo import Command, api, fields, models
from odoo.exceptions import UserError

from ..importers import IMPORTERS


class BillingImport(models.TransientModel):
    """Bring in catalogue, customers, mandates, subscriptions and services from CSV files."""

    _name = "bfocused.billing.import"
    _description = "Import for Billing"

    company_id = fields.Many2one("res.company", required=True, default=lambda self: self.env.company)
    attachment_ids = fields.Many2many("ir.attachment", string="Files")
    expected_files = fields.Char(string="Files it takes", compute="_compute_expected_files")
    state = fields.Selection(
        selection=[("draft", "Files"), ("tried", "Dry run"), ("done", "Imported")], default="draft", required=True
    )
    summary = fields.Text(readonly=True)
    line_ids = fields.One2many("bfocused.billing.import.line", "import_id", string="Refused rows")

    def _compute_expected_files(self):
        self.expected_files = ", ".join(importer.filename for importer in self._get_importers())

    # === ACTIONS

    def action_try(self):
        """Import and undo it, to see what would be refused."""
        return self._import_attachments(dry_run=True)

    def action_import(self):
        return self._import_attachments(dry_run=False)

    def _import_attachments(self, dry_run):
        self.ensure_one()
        files = {attachment.name: attachment.raw for attachment in self.attachment_ids}
        reports = self._import_files(files, dry_run)
        self.write(
            {
                "state": "tried" if dry_run else "done",
                "summary": "\n".join(self._summarize(report) for report in reports),
                "line_ids": [Command.clear()]
                + [
                    Command.create({"filename": report.filename, "row_number": number, "reason": reason})
                    for report in reports
                    for number, reason in report.refusals
                ],
            }
        )
        return {
            "type": "ir.actions.act_window",
            "res_model": self._name,
            "res_id": self.id,
            "view_mode": "form",
            "target": "new",
        }

    def _summarize(self, report):
        return self.env._(
            "%(file)s: %(created)s created, %(updated)s updated, %(unchanged)s unchanged, %(refused)s refused",
            file=report.filename,
            **{outcome: report.counts[outcome] for outcome in ("created", "updated", "unchanged", "refused")},
        )

    # === BUSINESS

    @api.model
    def _get_importers(self):
        """The importers, in the order their files build on each other."""
        return IMPORTERS

    def _import_files(self, files, dry_run=False):
        """Import files in the order they need, whatever the order they are given in.

        :param files: dict of content in bytes by file name
        :param dry_run: undo everything at the end
        :return: list of importers.base.FileReport
        :raise UserError: when a file isn't one of the expected, before anything is imported
        """
        importers = {importer.filename: importer for importer in self._get_importers()}
        if not files:
            raise UserError(self.env._("Choose at least one of these files: %s.", ", ".join(importers)))
        unknown = [name for name in files if name.lower() not in importers]
        if unknown:
            raise UserError(
                self.env._(
                    "%(unknown)s: not recognised by its name. Choose files with these names: %(expected)s.",
                    unknown=", ".join(unknown),
                    expected=", ".join(importers),
                )
            )
        if not self.company_id.use_billing:
            raise UserError(
                self.env._("Switch on B/Focused billing for %s in the settings first.", self.company_id.name)
            )
        contents = {name.lower(): content for name, content in files.items()}
        with self.env.cr.savepoint() as savepoint:
            reports = [
                importer(self.env, self.company_id).run(contents[name])
                for name, importer in importers.items()
                if name in contents
            ]
            if dry_run:
                savepoint.rollback()
        return reports
