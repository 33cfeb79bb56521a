from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools import format_datetime


class UsageImport(models.TransientModel):
    """Bring in a supplier's file of call records."""

    _name = "bfocused.usage.import"
    _description = "Import of Call Records"
    _check_company_auto = True

    company_id = fields.Many2one("res.company", required=True, default=lambda self: self.env.company)
    profile_id = fields.Many2one(
        "bfocused.usage.profile", required=True, check_company=True, default=lambda self: self._default_profile_id()
    )
    file = fields.Binary(required=True)
    filename = fields.Char()
    earlier_id = fields.Many2one("bfocused.usage.file", string="Imported before as", readonly=True)
    earlier_date = fields.Datetime(related="earlier_id.create_date", string="Imported before on")
    import_again = fields.Boolean(
        help="With another profile, or a profile that was changed since, calls may be taken for new ones and billed a "
        "second time."
    )

    def _default_profile_id(self):
        """The profile of the last import."""
        files = self.env["bfocused.usage.file"]
        return files.search([("company_id", "=", self.env.company.id)], limit=1).profile_id

    # === ACTIONS

    def action_import(self):
        """Import the file, and show what came of it; of a file that was imported before, first ask."""
        self.ensure_one()
        attachment = self._get_attachment()
        earlier = self._find_earlier(attachment.checksum)
        if earlier and not self.import_again:
            self.earlier_id = earlier
            return self._get_records_action(name=self.env._("Import call records"), target="new")
        file = self._import_content(attachment.raw or b"", attachment.checksum)
        return file._get_records_action(name=self.env._("Imported file"))

    # === BUSINESS

    def _get_attachment(self):
        """The file as it is stored, because one of a million rows is better not encoded and decoded again."""
        return (
            self.env["ir.attachment"]
            .sudo()
            .search([("res_model", "=", self._name), ("res_field", "=", "file"), ("res_id", "=", self.id)], limit=1)
        )

    def _find_earlier(self, checksum):
        """The last import of the same content."""
        return self.env["bfocused.usage.file"].search(
            [("company_id", "=", self.company_id.id), ("checksum", "=", checksum)], limit=1
        )

    def _import_content(self, content, checksum):
        """Import the content as one file.

        :param content: bytes
        :param checksum: by which the same content is recognised
        :return: ``bfocused.usage.file`` record
        """
        if not content:
            raise UserError(self.env._("The file is empty."))
        earlier = self._find_earlier(checksum)
        if earlier and not self.import_again:
            raise UserError(
                self.env._(
                    "The same content was imported on %(moment)s, as %(file)s.",
                    moment=format_datetime(self.env, earlier.create_date),
                    file=earlier.name,
                )
            )
        file = self.env["bfocused.usage.file"].create(
            {
                "name": self.filename or self.env._("Call records"),
                "company_id": self.company_id.id,
                "profile_id": self.profile_id.id,
                "checksum": checksum,
                "earlier_id": earlier.id,
            }
        )
        file._load(content)
        return file
