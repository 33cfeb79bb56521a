import logging
from datetime import timedelta
from math import ceil

from psycopg2 import IntegrityError, OperationalError
from psycopg2.errors import ExclusionViolation, UniqueViolation

from odoo import api, fields, models
from odoo.exceptions import AccessError, RedirectWarning, UserError
from odoo.fields import Domain
from odoo.tools import SQL, format_date

from ...drafting.bulk import DraftingBatch
from ...drafting.group import BillingGroup
from ...periods import is_quarter_turn
from ...transactions import isolated, lock_or_refuse, process_isolated, undoable

_logger = logging.getLogger(__name__)

LATEST_RUN = timedelta(days=31)  # from today; a date typed wrongly must not bill a year ahead


class BillingRun(models.Model):
    """The month turn: bill everything that is due on a date, one invoice per customer.

    Collect what is due, group it per customer, hold what can't be collected, defer what is too small, post the rest.
    A customer for whom something goes wrong falls out alone, with the reason, and can be retried.
    """

    _name = "bfocused.billing.run"
    _description = "Billing Run"
    _inherit = ["bfocused.billing.scope.mixin", "bfocused.billing.collect.mixin", "bfocused.billing.invoice.mixin"]
    _order = "date desc, id desc"
    _check_company_auto = True

    name = fields.Char(compute="_compute_name", search="_search_name")
    company_id = fields.Many2one(
        "res.company", required=True, default=lambda self: self.env.company, readonly=True, index=True
    )
    date = fields.Date(
        required=True,
        default=lambda self: self._default_date(),
        help="Everything due by this day is billed; it is also the date of the invoices.",
    )
    state = fields.Selection(
        selection=[("draft", "Draft"), ("running", "Running"), ("done", "Done"), ("partial", "Partly done")],
        default="draft",
        required=True,
        readonly=True,
    )
    user_id = fields.Many2one("res.users", string="Made by", default=lambda self: self.env.user, readonly=True)
    is_quarter_turn = fields.Boolean(
        compute="_compute_is_quarter_turn",
        help="In the first month of a quarter everything is invoiced, also what was deferred.",
    )
    line_ids = fields.One2many("bfocused.billing.run.line", "run_id", string="Outcome per customer")
    chunk_ids = fields.One2many("bfocused.billing.run.chunk", "run_id", string="Parts")
    is_over_limit = fields.Boolean(
        string="Limit passed", readonly=True, help="Made as customers passed the limit on what is unbilled."
    )
    invoice_ids = fields.One2many("account.move", "billing_run_id", string="Invoices")
    invoice_count = fields.Integer(string="Invoiced", compute="_compute_counts")
    deferred_count = fields.Integer(string="Deferred", compute="_compute_counts")
    held_count = fields.Integer(string="Held", compute="_compute_counts")
    failed_count = fields.Integer(string="Failed", compute="_compute_counts")
    message = fields.Char(readonly=True, help="Why the automatic run could not be executed.")
    progress = fields.Integer(
        compute="_compute_progress", help="Share of the customers that were dealt with, in percent."
    )
    progress_message = fields.Char(compute="_compute_progress", string="Progress message")
    is_working = fields.Boolean(compute="_compute_progress", help="Customers are being dealt with in the background.")

    @api.model
    def _default_date(self):
        return fields.Date.context_today(self).replace(day=self.env.company.billing_day or 1)

    # === COMPUTE

    @api.depends("date", "is_scoped")
    @api.depends_context("lang")
    def _compute_name(self):
        for run in self:
            date = format_date(run.env, run.date, date_format="d MMMM y")
            if not run.date:
                run.name = self.env._("Billing run")
            elif run.is_scoped:
                run.name = self.env._("Interim billing of %s", date)
            else:
                run.name = self.env._("Billing run of %s", date)

    @api.depends_context("lang")
    def _compute_display_name(self):
        # EXTENDS 'base': a cached name is of one language
        return super()._compute_display_name()

    @api.model
    def _search_name(self, operator, value):
        """By the date in figures, such as 2026-05 or 05-2026: the name itself is in each user's own language."""
        if operator not in ("ilike", "like", "=") or not isinstance(value, str):
            return NotImplemented
        return Domain.custom(
            to_sql=lambda model, alias, query: SQL(
                "to_char(%s, 'YYYY-MM-DD DD-MM-YYYY') LIKE %s", SQL.identifier(alias, "date"), f"%{value}%"
            )
        )

    @api.depends("date")
    def _compute_is_quarter_turn(self):
        for run in self:
            run.is_quarter_turn = bool(run.date) and is_quarter_turn(run.date)

    @api.depends("line_ids.outcome")
    def _compute_counts(self):
        counts = {
            (run, outcome): count
            for run, outcome, count in self.env["bfocused.billing.run.line"]._read_group(
                [("run_id", "in", self.ids)], groupby=["run_id", "outcome"], aggregates=["__count"]
            )
        }
        for run in self:
            run.invoice_count = counts.get((run._origin, "invoiced"), 0)
            run.deferred_count = counts.get((run._origin, "deferred"), 0)
            run.held_count = counts.get((run._origin, "held"), 0)
            run.failed_count = counts.get((run._origin, "failed"), 0)

    @api.depends("state", "chunk_ids.state")
    def _compute_progress(self):
        for run in self:
            done, total = run._get_progress()
            run.progress = 100 * done // total if total else 100 * (run.state in ("done", "partial"))
            run.is_working = run.state == "running" or (run.state == "draft" and done < total)
            run.progress_message = run._get_progress_message(done, total)

    def _get_progress(self):
        """How many customers were dealt with, and how many there are."""
        chunks = self.chunk_ids
        done = chunks.filtered(lambda chunk: chunk.state == "done")
        return sum(done.mapped("customer_count")), sum(chunks.mapped("customer_count"))

    def _get_progress_message(self, done, total):
        """How far the run is, and how long it will take at the pace up to now, as a sentence."""
        if done == total:
            return False
        message = self.env._("%(done)s of %(total)s customers", done=done, total=total)
        if not self.is_working:
            return self.env._("Stopped: %s.", message)
        if not done:
            return self.env._("%s. Waiting for a worker.", message)
        seconds = (fields.Datetime.now() - min(self.chunk_ids.mapped("create_date"))).total_seconds()
        minutes = ceil(seconds / done * (total - done) / 60)
        return self.env._("%(message)s, about %(minutes)s min left.", message=message, minutes=minutes)

    # === CRUD

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            self._check_state_kept(vals)
        return super().create(vals_list)

    def write(self, vals):
        self._check_state_kept(vals)
        decisive = {"date", "company_id"} | self._get_scope_fields()
        if vals.keys() & decisive and any(run.state != "draft" for run in self):
            raise UserError(self.env._("A billing run that was executed keeps its date and limits. Make a new run."))
        if vals.keys() & decisive:  # a preview of another day, or of others, tells nothing
            self.filtered(lambda run: run.state == "draft")._forget_preview()
        return super().write(vals)

    def _check_state_kept(self, vals):
        """
        :raise AccessError: the state tells what the run did, so it isn't written by hand
        """
        if "state" in vals and not self.env.su:
            raise AccessError(self.env._("How far a billing run is shows what it did; use its buttons instead."))

    @api.ondelete(at_uninstall=False)
    def _unlink_except_executed(self):
        if any(run.state != "draft" for run in self):
            raise UserError(self.env._("Only a billing run that wasn't executed can be deleted."))

    # === ACTIONS

    def action_preview(self):
        """Show what the run would do. It is the run itself, undone: only the outcome rows are kept."""
        self.ensure_one()
        self._check_runnable(states=("draft",))
        self._execute(is_preview=True)

    def action_run(self):
        """Bill everything that is due on the date of the run. What is billed already isn't billed again."""
        self.ensure_one()
        self._check_runnable(states=("draft",))
        self._execute()

    def action_retry(self):
        """Go on with what this run held, failed to bill or didn't come to, as far as it can be billed now."""
        self.ensure_one()
        self._check_runnable(states=("running", "done", "partial"))
        self._execute()

    def action_stop(self):
        """Bill no further customers. Those being billed at this moment are finished; *Retry* goes on with the rest."""
        self.ensure_one()
        self._check_runnable(states=("running",))
        self._get_pending_chunks()._cancel_jobs()
        self.sudo().state = "partial"

    def action_view_invoices(self):
        self.ensure_one()
        return self.invoice_ids._get_records_action(name=self.env._("Invoices"), context={"create": False})

    def action_view_lines(self):
        """The outcomes of one kind, named by the button's context key ``outcome``."""
        self.ensure_one()
        outcome = self.env.context.get("billing_outcome")
        lines = self.line_ids.filtered(lambda line: line.outcome == outcome)
        action = self.env["ir.actions.act_window"]._for_xml_id("bfocused_billing.billing_run_line_action")
        return dict(action, name=self.name, domain=[("id", "in", lines.ids)], context={})

    def action_send(self):
        """Open Odoo's Send & Print for the run's invoices that weren't sent yet."""
        self.ensure_one()
        moves = self.invoice_ids.filtered(lambda move: move.state == "posted" and not move.is_move_sent)
        if not moves:
            raise UserError(self.env._("All invoices of this run were sent."))
        return moves.action_send_and_print()

    def _check_runnable(self, states):
        self.company_id._check_uses_billing()
        if self.state not in states:
            raise UserError(self.env._('A run with the state "%s" can\'t do that.', self._get_state_label()))
        if self.date > fields.Date.context_today(self) + LATEST_RUN:
            raise UserError(self.env._("The date lies beyond the coming month turn; what is due then isn't known yet."))
        lock_or_refuse(self, self.env._("This run is being executed by somebody else. Reload the page in a moment."))

    def _get_state_label(self):
        return dict(self._fields["state"]._description_selection(self.env))[self.state]

    # === BUSINESS

    def _execute(self, is_preview=False):
        """Deal with all customers who have something to bill: at once, or when they are many in the background."""
        run = self._with_billing_context()
        run._forget_preview()
        run._get_pending_chunks()._cancel_jobs()
        run.chunk_ids.try_lock_for_update().sudo().unlink()  # one that is being billed right now is left to its worker
        run.line_ids.sudo().filtered(lambda line: line.outcome in ("held", "failed")).active = False
        customers = run._get_customers_to_bill(is_preview)
        chunks = run.chunk_ids._create_for(run, customers, is_preview)
        if not is_preview:
            run.sudo().state = "running"
        if len(customers) > run.company_id.billing_background_from:
            chunks._enqueue()
        else:
            chunks._process_here()
            run._finish()

    def _get_customers_to_bill(self, is_preview):
        """Whoever has something to bill; what has to be set right for that is undone again for a preview."""
        with self.env.cr.savepoint() as savepoint:
            self._settle_before_collecting(self._get_scope_customers())
            customers = self._get_customers()
            if is_preview:
                savepoint.rollback()
        return customers

    def _with_billing_context(self):
        return self.with_company(self.company_id).with_context(tracking_disable=True)

    def _get_pending_chunks(self):
        return self.chunk_ids.filtered(lambda chunk: chunk.state == "pending")

    def _forget_preview(self):
        """Drop outcomes without an invoice that only told what would be."""
        previews = self.filtered(lambda run: run.state == "draft")
        previews.line_ids.sudo().unlink()
        previews.chunk_ids._cancel_jobs()
        previews.chunk_ids.sudo().unlink()

    def _record_outcome(self, rows):
        """Write the outcome per customer on the run.

        :param rows: list of values of ``bfocused.billing.run.line``
        """
        self.env["bfocused.billing.run.line"].sudo().create([dict(row, run_id=self.id) for row in rows])

    def _finish(self):
        """Close the run once all its customers were dealt with."""
        if self.state == "running" and not self._get_pending_chunks():
            self.sudo().state = "partial" if self.failed_count else "done"

    def _finish_in_own_transaction(self):
        """The same after a commit; when that fails, the scheduled action closes the run."""
        try:
            with self.env.registry.cursor() as cr:
                self.with_env(self.env(cr=cr))._finish()
        except OperationalError:
            _logger.info("Billing run %s is being closed by another process", self.id)
        except Exception:
            _logger.exception("Billing run %s could not be closed", self.id)

    def _bill(self, customers):
        """Bill what is due for some customers, and say per customer what came out.

        :param customers: ``res.partner`` records, commercial entities
        :return: list of values of ``bfocused.billing.run.line``
        """
        run = self._with_billing_context()
        drafting = run.with_context(billing_drafting_batch=DraftingBatch())
        rows = drafting._bill_groups(drafting._get_groups_each(customers))
        run._mark_rows(rows)
        return rows

    def _get_groups_each(self, customers):
        """The groups of ``customers``; those of whom not even that is known are groups with an error."""
        return process_isolated(
            self.env.cr,
            customers,
            self._get_groups,
            lambda customer, error: [BillingGroup(self._get_error_terms(customer), customer, error=error)],
        )

    def _bill_groups(self, groups):
        """Bill groups together; one that fails falls out alone.

        :return: list of values of ``bfocused.billing.run.line``
        """
        return process_isolated(
            self.env.cr, groups, self._bill_groups_at_once, lambda failed, error: self._give_up(failed[0], error)
        )

    def _give_up(self, group, error):
        """The outcome of a customer for whom an error came up; that it was billed already is a success."""
        if isinstance(error, (UniqueViolation, ExclusionViolation)) and self._drop_billed(group):
            return self._bill_groups([group]) if group.items or group.waiting else []
        if not isinstance(error, (UserError, RedirectWarning)):
            return [self._prepare_failed_row(group, error)]
        # what Odoo says in words is for a person to put right: only what it is about is held
        parts = group.split(self._get_going(group))
        if len(parts) > 1:
            return self._bill_parts(group, parts, error)
        return [self._prepare_held_row(group, str(error.args[0]))]

    def _get_going(self, group):
        """The waiting drafts that were to go on the group's invoice."""
        if group.joined is not None:
            return group.joined
        return (group.waiting or self.env["account.move"]).filtered(self._is_released)

    def _bill_parts(self, group, parts, error):
        """Bill a group without those of its parts that can't be billed, of which each is told.

        :param parts: list of BillingGroup, two or more
        :param error: of them together
        :return: list of values of ``bfocused.billing.run.line``
        """
        errors = [self._find_refusal(part) for part in parts]
        sound = [part for part, own in zip(parts, errors, strict=True) if not own]
        if len(sound) == len(parts):  # a person decides before the customer gets several invoices for one
            return [self._prepare_held_row(group, str(error.args[0]))]
        rows = self._bill_groups([group.join(sound)]) if sound else []
        for part, own in zip(parts, errors, strict=True):
            rows += [self._prepare_held_row(part, str(own.args[0]))] if own else []
        return rows

    def _find_refusal(self, group):
        """What Odoo would say in words if the group were billed by itself, or ``None``. Nothing of it stays.

        What only the database refuses may belong together with another part, such as days that this one charges anew;
        that, and what nobody foresaw, comes up again when the parts are billed.
        """
        try:
            with undoable(self.env.cr) as undo:
                self._bill_groups_at_once([group])
                self.env.cr.flush()
                undo()
        except (UserError, RedirectWarning) as error:
            return error
        except OperationalError:
            raise
        except Exception:
            return None
        return None

    def _drop_billed(self, group):
        """Take out of the group what another run billed in the meantime, which is a success.

        :return: whether there was anything
        """
        charges = self.env["bfocused.billing.charge"].sudo()
        billed = charges._get_billed_items(group.items)
        with self.env.registry.cursor() as cr:  # sees what others committed after this transaction began
            billed += charges.with_env(self.env(cr=cr))._get_billed_items(group.items)
        left = [item for item in group.items if not any(item is other for other in billed)]
        dropped = len(left) < len(group.items)
        group.items = left
        return dropped

    def _bill_groups_at_once(self, groups):
        for group in groups:
            if group.error:
                raise group.error
        active = [group for group in groups if not group.hold_reason]
        for group in groups:
            self._fill_in_amounts(group)
        for group in active:
            self._decide(group)
            group.hold_reason = self._get_missing_reference_problem(group)
        active = [group for group in active if not group.hold_reason]
        self._draft(active)
        self._post_invoices(active)
        return [self._prepare_row(group) for group in groups]

    # === OUTCOME

    def _prepare_row(self, group):
        """Values of ``bfocused.billing.run.line``: what came out for one customer."""
        row = self._prepare_customer_row(group)
        if group.hold_reason:
            waiting = group.waiting or self.env["account.move"]
            row["amount_untaxed"] += sum(waiting.mapped("amount_untaxed"))
            row["amount_total"] += sum(waiting.mapped("amount_total"))
            return dict(row, outcome="held", message=group.hold_reason)
        if group.deferred_until:
            return dict(row, outcome="deferred", move_id=group.move.id, message=group.move.deferral_reason)
        sign = group.move._get_billing_sign()  # what the customer gets back counts against what others pay
        return dict(
            row,
            outcome="invoiced",
            move_id=group.move.id,
            amount_untaxed=sign * group.move.amount_untaxed,
            amount_total=sign * group.move.amount_total,
            message=self._get_lock_message(group.move),
        )

    def _get_lock_message(self, move):
        """That Odoo booked the invoice on another day than its own, as a sentence; ``False`` when it didn't."""
        if not move.invoice_date or move.date == move.invoice_date:
            return False
        return self.env._(
            "The books are locked on the day of the invoice, so it was booked on %s.", format_date(self.env, move.date)
        )

    def _prepare_held_row(self, group, reason):
        """The outcome of what is held for a reason that came up while it was billed."""
        group.hold_reason = reason
        return self._prepare_row(group)

    def _prepare_customer_row(self, group):
        """What each outcome row says of a customer: who it is, and what the new charges come to."""
        return {
            "partner_id": group.partner.id,
            "currency_id": group.terms.currency_id,
            "amount_untaxed": group.amount_untaxed,
            "amount_total": group.amount_total,
            "amount_new": group.amount_untaxed,
            "is_without_mandate": self._is_without_mandate(group),
        }

    def _prepare_failed_row(self, group, error):
        """The outcome of a customer for whom an error came up that nobody foresaw."""
        if isinstance(error, IntegrityError):
            message = self._get_model_of_table(error.diag.table_name)._sql_error_to_message(error)
        else:
            _logger.error("Billing run %s failed for customer %s", self.id, group.partner.id, exc_info=error)
            message = self.env._("Unexpected error: %s", error)
        return dict(self._prepare_customer_row(group), outcome="failed", message=message)

    def _get_model_of_table(self, table):
        """The model that has the words for what its table refuses; this one where there is none."""
        return next((self.env[name] for name, model in self.env.registry.items() if model._table == table), self)

    # === CRON

    @api.model
    def _cron_mend(self):
        """Go on with runs in the background of which a worker was lost."""
        chunks = self.env["bfocused.billing.run.chunk"]
        chunks.search([("state", "=", "pending"), ("run_id.state", "in", ("draft", "running"))])._mend()
        for run in self.search([("state", "=", "running")]):
            run._finish()

    @api.model
    def _cron_run_due(self):
        """Make and execute the month's run of each company that has it done automatically, once its day has come."""
        today = fields.Date.context_today(self)
        companies = self.env["res.company"].search([("use_billing", "=", True), ("billing_auto", "=", True)])
        due = companies.filtered(lambda company: self._is_automatic_run_due(company, today))
        for number, company in enumerate(due, start=1):
            self.with_company(company)._run_automatically(company, today.replace(day=company.billing_day))
            if not self.env["ir.cron"]._commit_progress(1, remaining=len(due) - number):
                break

    @api.model
    def _is_automatic_run_due(self, company, today):
        date = today.replace(day=company.billing_day)
        executed = [
            ("company_id", "=", company.id),
            ("date", ">=", date),
            ("state", "!=", "draft"),
            ("is_scoped", "=", False),  # the month's run bills what a limited one left
        ]
        return date <= today and not self.search_count(executed, limit=1)

    @api.model
    def _run_automatically(self, company, date):
        """Execute the company's run of ``date``; when that fails the run stays, and says why."""
        domain = [
            ("company_id", "=", company.id),
            ("date", "=", date),
            ("state", "=", "draft"),
            ("is_scoped", "=", False),
        ]
        run = self.search(domain, limit=1) or self.create({"company_id": company.id, "date": date})
        with isolated(self.env.cr) as outcome:  # one company's trouble is not the others'
            run.action_run()
            run.message = False
        if outcome.error:
            _logger.error(
                "The automatic billing run %s of company %s failed", run.id, company.id, exc_info=outcome.error
            )
            run.message = str(outcome.error)
