from odoo import api, fields, models


class PaymentArrangementTerm(models.Model):
    """An instalment of a payment arrangement: what has to be paid by when."""

    _name = "bfocused.payment.arrangement.term"
    _description = "Instalment of a Payment Arrangement"
    _order = "due_date, id"
    _rec_name = "due_date"

    arrangement_id = fields.Many2one("bfocused.payment.arrangement", required=True, index=True, ondelete="cascade")
    company_id = fields.Many2one(related="arrangement_id.company_id", store=True)
    currency_id = fields.Many2one(related="arrangement_id.currency_id")
    due_date = fields.Date(required=True)
    amount = fields.Monetary(required=True)
    open_amount = fields.Monetary(string="Still open", compute="_compute_open_amount")

    _amount_positive = models.Constraint("CHECK (amount > 0)", "An instalment is above zero.")

    # === COMPUTE

    @api.depends("due_date", "amount", "arrangement_id.state", "arrangement_id.open_amount")
    def _compute_open_amount(self):
        for arrangement, instalments in self.grouped("arrangement_id").items():
            rests = arrangement._get_term_rests() if arrangement else {}
            for instalment in instalments:
                instalment.open_amount = rests.get(instalment, instalment.amount)

    # === CRUD

    @api.model_create_multi
    def create(self, vals_list):
        instalments = super().create(vals_list)
        instalments.arrangement_id._check_editable()
        return instalments

    def write(self, vals):
        self.arrangement_id._check_editable()
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_decided(self):
        self.arrangement_id._check_editable()
