from odoo import api, fields, models
from odoo.tools import format_datetime

from ...const import CREDIT_CASE_STEPS, INVOICE_STEPS, NOTABLE_STEPS, REPEATED_STEPS
from ...handlers.payload import read_moment

REPEATED = frozenset(kind for _name, kind, _same in REPEATED_STEPS)


class PaytEvent(models.Model):
    """What PAYT did about an invoice, and when: its dunning timeline.

    A step is there once; when PAYT gives it another moment, it moves. What may happen again and again (a pause) is
    there once for each moment.
    """

    _name = "payt.event"
    _description = "PAYT Event"
    _order = "moment desc, id desc"
    _rec_name = "kind"
    _log_access = False

    move_id = fields.Many2one("account.move", string="Invoice", required=True, index=True, ondelete="cascade")
    company_id = fields.Many2one(related="move_id.company_id", store=True, precompute=True, index=True)
    partner_id = fields.Many2one(related="move_id.commercial_partner_id", string="Customer")
    credit_case_id = fields.Many2one("payt.credit.case", string="Credit case", index="btree_not_null")
    kind = fields.Selection(
        [
            ("sent", "Invoice sent"),
            ("pre_reminder", "Reminder before the due date"),
            ("reminder_1", "First reminder"),
            ("reminder_2", "Second reminder"),
            ("reminder_3", "Third reminder"),
            ("reminder_4", "Fourth reminder"),
            ("reminder_more", "Further reminder"),
            ("final_reminder", "Final notice"),
            ("end_of_service_announcement", "End of service announced"),
            ("end_of_service", "Service ended"),
            ("collectable", "Ready for debt collection"),
            ("debt_collection", "Debt collection started"),
            ("pre_summons", "Notice of debt collection"),
            ("summons_1", "First summons"),
            ("summons_2", "Second summons"),
            ("summons_3", "Third summons"),
            ("summons_4", "Fourth summons"),
            ("summons_more", "Further summons"),
            ("notice_of_default", "Notice of default"),
            ("pre_judicial", "Pre-judicial phase"),
            ("bailiff", "Handed to the bailiff"),
            ("case_closed", "Credit case closed"),
            ("paused", "Follow-up paused"),
            ("deleted", "Deleted at PAYT"),
        ],
        string="What",
        required=True,
        readonly=True,
    )
    moment = fields.Datetime(required=True, readonly=True)
    is_repeated = fields.Boolean(readonly=True)
    by_case = fields.Boolean(readonly=True, help="The credit case says so, not the invoice itself.")
    day = fields.Date(compute="_compute_day", store=True, precompute=True, help="In the time zone of the company.")
    when = fields.Char(compute="_compute_when", help="In the time zone of the company.")

    _step_once = models.UniqueIndex("(move_id, kind) WHERE is_repeated IS NOT TRUE", "This step is known already.")
    _moment_once = models.UniqueIndex("(move_id, kind, moment)", "This is known already.")

    # === COMPUTE

    @api.depends("moment", "company_id.billing_tz")
    def _compute_day(self):
        for event in self:
            here = event.with_context(tz=event.company_id._get_payt_tz())
            event.day = event.moment and fields.Datetime.context_timestamp(here, event.moment).date()

    @api.depends("moment", "company_id.billing_tz")
    @api.depends_context("lang")
    def _compute_when(self):
        for event in self:
            tz = event.company_id._get_payt_tz()
            event.when = event.moment and format_datetime(self.env, event.moment, tz=tz, dt_format="short")

    # === BUSINESS

    @api.model
    def _note_invoice(self, move, payload):
        """Bring the timeline of an invoice in line with what PAYT says of it.

        :param move: ``account.move`` record
        :param payload: PAYT's invoice
        :return: the events that are new
        """
        moments = {name: read_moment(payload.get(name)) for name, _kind, _state in INVOICE_STEPS}
        told = {kind: moments[name] for name, kind, _state in INVOICE_STEPS if moments[name]}
        repeated = {}
        for name, kind, same in REPEATED_STEPS:
            moment = read_moment(payload.get(name))
            if moment and moment not in {moments[other] for other in same}:
                repeated[kind] = moment
        return self._note(move, told) | self._note(move, repeated)

    @api.model
    def _note_case(self, case, moves):
        """Bring the steps of a credit case into the timelines of its invoices, where they don't say so themselves.

        :param case: ``payt.credit.case`` record
        :return: the events that are new
        """
        told = {kind: case[name] for name, kind in CREDIT_CASE_STEPS if case[name]}
        return self.browse().concat(*(self._note(move, told, case) for move in moves))

    @api.model
    def _note(self, move, told, case=None):
        """Write down what isn't known yet, and move what PAYT moved.

        :param told: dict of kind to moment
        :param case: the credit case that says so; what an invoice says of itself goes before that
        """
        missing = []
        for kind, moment in told.items():
            known = move.payt_event_ids.filtered(lambda event, kind=kind: event.kind == kind)
            if kind in REPEATED:
                known = known.filtered(lambda event, moment=moment: event.moment == moment)
            if not known:
                missing.append(self._prepare_event(move, kind, moment, case))
            elif not case or (known.by_case and known.credit_case_id.id <= case.id):
                known._move_to(moment, case)
        return self.create(missing)

    @api.model
    def _prepare_event(self, move, kind, moment, case):
        return {
            "move_id": move.id,
            "kind": kind,
            "moment": moment,
            "is_repeated": kind in REPEATED,
            "by_case": bool(case),
            "credit_case_id": case.id if case else False,
        }

    def _move_to(self, moment, case):
        by_case = bool(case)
        if (self.moment, self.by_case) != (moment, by_case) or (case and self.credit_case_id != case):
            case = case or self.credit_case_id
            self.write({"moment": moment, "by_case": by_case, "credit_case_id": case.id})

    def _tell(self):
        """Say what a person should notice in the conversation on the invoice; of what is new, once."""
        for event in self.filtered(lambda event: event.kind in NOTABLE_STEPS):
            backend = event.company_id._get_payt_backend()
            if not backend._is_news(event.moment):
                continue
            event = event.with_context(lang=backend._get_person(event.move_id).lang)
            label = dict(event._fields["kind"]._description_selection(event.env))[event.kind]
            event.move_id._message_log(body=event.env._("PAYT: %(what)s, %(when)s", what=label, when=event.when))
