from odoo import models
from odoo.exceptions import AccessError


class PaytSecretMixin(models.AbstractModel):
    """Secrets of this record get into no export."""

    _name = "payt.secret.mixin"
    _description = "Record with secrets of PAYT"

    def _export_rows(self, fields, *, _is_toplevel_call=True):
        # EXTENDS 'base': "exportable" only keeps a field from the list to choose from
        for path in fields:
            field = self._fields.get(path[0]) if path else None
            if field and not field.exportable:
                raise AccessError(self.env._("%s is a secret and is not exported.", field.name))
        return super()._export_rows(fields, _is_toplevel_call=_is_toplevel_call)
