import os
from collections import defaultdict
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from freezegun import freeze_time
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from odoo import Command
from odoo.exceptions import UserError, ValidationError

from .common import BillingCase
from .day_model import Line, add_months
from .size import at_size

CYCLES = ["month", "quarter", "year", "arrears"]
OFFSETS = st.integers(min_value=-50, max_value=70)  # days before and after today
PRICES = st.integers(min_value=100, max_value=20000).map(lambda cents: Decimal(cents) / 100)
ANY = st.integers(min_value=0, max_value=1000)  # one of what there is


# Another kind of thing that happens is one more method marked @event: it does it, and tells the model in self.lines.
EVENTS = {}  # name to the strategies of its arguments


def event(**arguments):
    """Mark a method as something that may happen in a month."""

    def mark(method):
        EVENTS[method.__name__] = arguments
        return method

    return mark


class YearMachine(RuleBasedStateMachine):
    """A year at two customers, with all that happens in one, beside an independent model of what should be billed."""

    case = None  # the test

    def __init__(self):
        super().__init__()
        self.savepoint = self.case.env.cr.savepoint()
        self.savepoint.__enter__()
        self.today = date(2026, 1, 14)
        self.customers = [self.case.make_customer(f"Customer {number}") for number in range(2)]
        self.lines = {}  # the model's Line by the record
        self.closed = set()  # lines that another took over from
        self.before = {}  # from which line each of those took over
        self.orders = []
        self.held = set()
        self.last_run = None
        self.gone = []  # (invoice, credit note that frees it or none, whether it was posted)
        self.by_hand = dict.fromkeys(self.customers, Decimal(0))

    def teardown(self):
        self.savepoint.rollback()
        self.savepoint.close(rollback=True)
        self.case.env.invalidate_all()

    def day(self, offset):
        return self.today + timedelta(days=offset)

    def pick(self, number, records):
        return records[number % len(records)]

    def get_open_lines(self):
        return [line for line in self.lines if line not in self.closed]

    def get_invoices(self):
        moves = self.case.env["account.move"].search(
            [
                ("commercial_partner_id", "in", [customer.id for customer in self.customers]),
                ("move_type", "=", "out_invoice"),
                ("state", "!=", "cancel"),
            ],
            order="id",
        )
        return [move for move in moves if not move.reversal_move_ids]

    @initialize(data=st.data())
    def begin(self, data):
        for cycle in CYCLES:
            self.subscribe(data.draw(ANY), cycle, data.draw(OFFSETS), data.draw(PRICES))

    @rule(data=st.data(), events=st.lists(st.sampled_from(range(100)), max_size=5))
    def month(self, data, events):
        """Some things happen, each on a day of the month, and then it is billed."""
        names = sorted(EVENTS)
        for number in events:
            name = names[number % len(names)]
            self.today = min(self.today + timedelta(days=number % 7), add_months(self.today.replace(day=1), 1))
            arguments = {key: data.draw(value, label=f"{name} {key}") for key, value in EVENTS[name].items()}
            getattr(self, name)(**arguments)
        self.month_turn()

    # --- what people do

    @event(customer=ANY, cycle=st.sampled_from(CYCLES), offset=OFFSETS, price=PRICES)
    def subscribe(self, customer, cycle, offset, price):
        customer, start = self.pick(customer, self.customers), self.day(offset)
        with freeze_time(self.today):
            subscription = self.case.make_subscription(
                self.case.templates[cycle], self.case.internet, customer=customer, start=start
            )
        line = subscription.sale_subscription_line_ids
        line.price_unit = float(price)
        self.lines[line] = self.make_line(customer, cycle, start, start, price)

    @event(number=ANY, price=PRICES)
    def give_a_discount(self, number, price):
        """A negative line beside the others of a subscription, from today on."""
        base = self.pick(number, self.get_open_lines())
        subscription, model = base.sale_subscription_id, self.lines[base]
        if base.sale_order_line_id or len(subscription.sale_subscription_line_ids) > 1:
            return
        start = max(self.today, subscription.date_start)
        with freeze_time(self.today):
            line = self.case.env["sale.subscription.line"].create(
                {
                    "sale_subscription_id": subscription.id,
                    "product_id": self.case.internet.id,
                    "price_unit": -float(price),
                    "date_start": start,
                }
            )
        line.price_unit = -float(price)
        kept = {"bills": [], "credits": [], "undone": {}}
        self.lines[line] = replace(model, start=start, stop=None, price=-price, quantity=1, **kept)

    def with_sign_of(self, model, price):
        """A discount stays one."""
        return -price if model.price < 0 else price

    def make_line(self, customer, cycle, anchor, start, price, stop=None):
        length = "month" if cycle == "arrears" else cycle
        return Line(customer, length, anchor, start, price, stop, in_arrears=cycle == "arrears")

    @event(number=ANY, offset=OFFSETS, price=PRICES)
    def change_price(self, number, offset, price):
        line, day = self.pick(number, self.get_open_lines()), self.day(offset)
        model = self.lines[line]
        if model.stop and model.stop <= day:
            return
        price = self.with_sign_of(model, price)
        with freeze_time(self.today):
            successor = line._change(day, {"price_unit": float(price)}, "Price")
        start = max(day, model.start)
        self.take_over_days(line, successor, replace(model, start=start, price=price, bills=[], credits=[], undone={}))

    def take_over_days(self, line, successor, model):
        """``successor`` bills the days of ``line`` from its start on."""
        self.lines[successor], self.before[successor] = model, line
        self.lines[line].stop = model.start
        self.closed.add(line)

    @event(number=ANY, offset=OFFSETS, quantity=st.integers(min_value=1, max_value=9))
    def change_quantity(self, number, offset, quantity):
        line, day = self.pick(number, self.get_open_lines()), self.day(offset)
        model = self.lines[line]
        if (model.stop and model.stop <= day) or model.quantity == quantity:
            return
        with freeze_time(self.today):
            wizard = self.case.env["bfocused.subscription.change"].create({"line_id": line.id, "date": day})
            wizard.quantity = quantity
            wizard.action_apply()
        start, kept = max(day, model.start), {"bills": [], "credits": [], "undone": {}}
        self.take_over_days(line, line.successor_ids, replace(model, start=start, quantity=quantity, **kept))

    @event(number=ANY, offset=OFFSETS, price=PRICES, cycle=st.sampled_from(CYCLES))
    def move_to_another_cycle(self, number, offset, price, cycle):
        line, day = self.pick(number, self.get_open_lines()), self.day(offset)
        model, template = self.lines[line], self.case.templates[cycle]
        if model.stop or line.sale_subscription_id.template_id == template:
            return
        price = self.with_sign_of(model, price)
        with freeze_time(self.today):
            wizard = self.case.env["bfocused.subscription.change"].create({"line_id": line.id, "date": day})
            wizard.template_id = template
            wizard.price_unit = float(price)
            wizard.action_apply()
        start = max(day, model.start)
        successor = self.case.env["sale.subscription.line"].search([("predecessor_id", "=", line.id)])
        new = self.make_line(model.customer, cycle, start, start, price)
        new.quantity = model.quantity
        new.gaps += [(max(begin, start), stop) for begin, stop in model.gaps if stop > start]
        new.holds += [(max(begin, start), stop) for begin, stop in model.holds if stop > start]
        self.take_over_days(line, successor, new)

    @event(number=ANY, price=PRICES)
    def edit_price(self, number, price):
        line = self.pick(number, self.get_open_lines())
        price = self.with_sign_of(self.lines[line], price)
        line.price_unit = float(price)
        self.lines[line].price = price

    @event(number=ANY, offset=st.none() | OFFSETS)
    def end(self, number, offset):
        line = self.pick(number, self.get_open_lines())
        stop = None if offset is None else max(self.day(offset), self.lines[line].start)
        line.date_end = stop
        self.lines[line].stop = stop

    @event(customer=ANY, number=ANY, price=PRICES)
    def add_to_an_order(self, customer, number, price):
        """What is added to a confirmed order is billed, and nothing else of the order starts by that."""
        customer = self.pick(customer, self.customers)
        if customer in self.held:
            return  # it would wait for a mandate, which test_mandate_gate has
        orders = [order for order in self.orders if order.partner_id == customer]
        with freeze_time(self.today):
            if not orders or number % 4 == 0:
                order = self.case.env["sale.order"].create({"partner_id": customer.id})
                order.action_confirm()
                self.orders.append(order)
            else:
                order = self.pick(number, orders)
            known = order.subscription_ids
            order.order_line = [Command.create({"product_id": self.case.internet.id})]
        line = (order.subscription_ids - known).sale_subscription_line_ids
        assert line.sale_order_line_id == order.order_line[-1], line.sale_order_line_id
        line.price_unit = float(price)
        self.lines[line] = self.make_line(customer, "quarter", self.today, self.today, price)

    @event(number=ANY)
    def close(self, number):
        """A subscription of an order is closed today; the order can be added to all the same."""
        lines = [line for line in self.get_open_lines() if line.sale_order_line_id and line not in self.before]
        lines = [line for line in lines if self.lines[line].start < self.today]
        if not lines:
            return
        line = self.pick(number, lines)
        with freeze_time(self.today):
            line.sale_subscription_id.close_subscription()
        model = self.lines[line]
        model.stop = min(model.stop or self.today, self.today)
        self.closed.add(line)

    @event(number=ANY, offset=OFFSETS)
    def type_a_first_day(self, number, offset):
        """A line that took over can start later, but not while the one before it still runs."""
        lines = [line for line in self.get_open_lines() if line in self.before]
        if not lines:
            return
        line, start = self.pick(number, lines), self.day(offset)
        model = self.lines[line]
        before = self.get_served_before(line)
        ends_earlier = model.stop and model.stop < start
        if ends_earlier or (before and before.stop > start and model.stop != start):
            with self.case.assertRaises(ValidationError), self.case.env.cr.savepoint():
                line.date_start = start
            self.case.env.invalidate_all()
            return
        line.date_start = start
        model.start = start

    def get_served_before(self, line):
        while line := self.before.get(line):
            if self.lines[line].stop > self.lines[line].start:
                return self.lines[line]
        return None

    @event(number=ANY, offset=OFFSETS)
    def change_vat(self, number, offset):
        """Another rate on the product, from a day on: lines that run then are split, at the price they have."""
        product, day = self.case.internet, self.day(offset)
        rate = self.pick(number, self.case.rates)
        if product.taxes_id == rate:
            return
        with freeze_time(self.today):
            self.case.env.flush_all()  # as at the end of each request
            product.taxes_id = [Command.set(rate.ids)]
            if not product.asks_running_taxes:
                return
            wizard = self.case.env["bfocused.subscription.tax.change"].with_context(
                **product.product_tmpl_id.action_running_taxes()["context"]
            )
            wizard.create({"date": day, "company_id": self.case.company.id}).action_apply()
        for line in self.get_open_lines():
            successor = self.case.env["sale.subscription.line"].search([("predecessor_id", "=", line.id)])
            if successor and successor not in self.lines:
                kept = {"bills": [], "credits": [], "undone": {}}
                start = max(day, self.lines[line].start)
                self.take_over_days(line, successor, replace(self.lines[line], start=start, **kept))

    @event(number=ANY)
    def remove_what_was_planned(self, number):
        lines = [line for line in self.get_open_lines() if line in self.before and not line.charge_ids]
        if not lines:
            return
        line = self.pick(number, lines)
        model, before = self.lines.pop(line), self.before.pop(line)
        with freeze_time(self.today):
            line.unlink()
        if self.lines[before].stop == model.start:
            self.lines[before].stop = model.stop
        self.closed.remove(before)

    @event(
        number=ANY,
        offset=OFFSETS,
        length=st.integers(min_value=1, max_value=60),
        effect=st.sampled_from(["free", "free", "hold"]),
    )
    def pause(self, number, offset, length, effect):
        line = self.pick(number, self.get_open_lines())
        start, model = self.day(offset), self.lines[line]
        stop = start + timedelta(days=length)
        if any(start < other_stop and other_start < stop for other_start, other_stop in model.gaps + model.holds):
            return
        with freeze_time(self.today):
            self.case.env["bfocused.subscription.pause"].create(
                {
                    "subscription_id": line.sale_subscription_id.id,
                    "date_start": start,
                    "date_end": stop,
                    "effect": effect,
                }
            )
        (model.gaps if effect == "free" else model.holds).append((start, stop))

    @event(number=ANY)
    def take_back_a_pause(self, number):
        line = self.pick(number, self.get_open_lines())
        pauses = line.sale_subscription_id.pause_ids
        if pauses:
            pause = pauses[number % len(pauses)]
            model = self.lines[line]
            pauses = model.gaps if pause.effect == "free" else model.holds
            pauses.remove((pause.date_start, pause.date_end))
            with freeze_time(self.today):
                pause.unlink()

    @event(price=PRICES, cycle=st.sampled_from(CYCLES), offset=OFFSETS)
    def a_customer_comes(self, price, cycle, offset):
        if len(self.customers) == 2:
            self.customers.append(self.case.make_customer("Newcomer"))
            self.by_hand[self.customers[-1]] = Decimal(0)
        self.subscribe(2, cycle, offset, price)

    @event(number=ANY)
    def merge_the_customer_that_came(self, number):
        """By Odoo's wizard: all that was billed, waits or is owed goes along, and so does the mandate."""
        if len(self.customers) == 2:
            return
        merged, kept = self.customers.pop(), self.pick(number, self.customers[:2])
        with freeze_time(self.today):
            self.case.env["base.partner.merge.automatic.wizard"].create({})._merge([merged.id, kept.id], kept)
        self.case.env.invalidate_all()
        self.by_hand[kept] += self.by_hand.pop(merged)
        for model in self.lines.values():
            model.customer = kept if model.customer == merged else model.customer
        if merged not in self.held:
            self.held.discard(kept)
        self.held.discard(merged)
        self.compare()

    @event(customer=ANY)
    def lose_or_get_a_mandate(self, customer):
        customer = self.pick(customer, self.customers)
        mandates = customer.bank_ids.mandate_ids
        if customer in self.held:
            self.case.make_mandate(customer)
            self.held.remove(customer)
        else:
            mandates.filtered(lambda mandate: mandate.state == "valid").cancel()
            self.held.add(customer)

    # --- what the back office does

    def month_turn(self):
        self.today = add_months(self.today.replace(day=1), 1)
        self.run()

    @event()
    def run_again(self):
        self.run()

    @event()
    def retry(self):
        """Go on with the last run, for customers who were held then and can be billed now."""
        if self.last_run:
            with freeze_time(self.today):
                self.last_run.action_retry()
            self.take_over(self.last_run)

    @event(customer=ANY)
    def bill_now(self, customer):
        """A run of one customer, between two month turns."""
        customer = self.pick(customer, self.customers)
        with freeze_time(self.today):
            run = self.case.env["bfocused.billing.run"]._make_interim(self.case.company, customer, self.today)
            run.action_run()
        self.take_over(run, customer)

    def run(self):
        with freeze_time(self.today):
            run = self.case.make_run(self.today)
            run.action_run()
        self.last_run = run
        self.take_over(run)

    def take_over(self, run, customer=None):
        """Let the model bill what the run billed, of all or of one customer, and compare."""
        failed = run.line_ids.filtered(lambda row: row.outcome == "failed")
        assert not failed, failed.mapped("message")
        subscriptions = defaultdict(dict)
        for line, model in self.lines.items():
            if customer in (None, model.customer):
                subscriptions[line.sale_subscription_id][line] = model
        for models in subscriptions.values():
            self.bill_subscription(models, run)
        self.name_invoices()
        self.compare()

    def bill_subscription(self, models, run):
        """Let the model bill the lines of a subscription; where they are held, only what ended is given back."""
        is_held = self.is_held(list(models.values()), run.date)
        charged = {self.get_first(line) for line, model in models.items() if model.get_new(run.date)}
        for line, model in models.items():
            if not is_held:
                model.run(run.date, run)
            elif self.get_first(line) not in charged:
                model.run(run.date, run, gives_back_only=True)

    def get_first(self, line):
        """The first line of those that took over from each other, within a subscription."""
        while line in self.before and self.before[line].sale_subscription_id == line.sale_subscription_id:
            line = self.before[line]
        return line

    def is_held(self, models, day):
        """Whether the lines of a subscription aren't billed; what only gives back needs no mandate and no service."""
        may_be_held = models[0].customer in self.held or models[0].is_held(max(day, self.today))
        return may_be_held and any(model.needs_mandate(day) for model in models)

    def name_invoices(self):
        """Tell the model on which invoice stands what was billed: drafts that wait may have been put together."""
        for line, model in self.lines.items():
            moves = {
                (charge.billing_round, charge.is_credit, charge.period_start): charge.move_id
                for charge in line._get_live_charges()
            }
            for bill in model.bills:
                bill.invoice = moves[bill.round, False, min(bill.span)]
            model.credits = [(bill, days, moves[bill.round, True, min(days)]) for bill, days, _run in model.credits]

    @event(number=ANY, bill_again=st.sampled_from(["cancel", "bill again", "for good"]))
    def take_back(self, number, bill_again):
        moves = self.get_invoices()
        if not moves:
            return
        move = self.pick(number, moves)
        models = [model for model in self.lines.values() if model.customer == move.partner_id]
        is_refused = not all(model.can_undo(move) for model in models)
        if move.state == "draft" or bill_again == "cancel":
            self.cancel(move, models, is_refused)
        elif bill_again == "bill again":
            self.bill_again(move, models, is_refused)
        elif not is_refused:
            self.reverse(move, bill_again=False)
            self.by_hand[move.partner_id] += sum(model.settle_by_hand(move) for model in models)
        self.compare()

    def cancel(self, move, models, is_refused):
        if is_refused:
            with self.case.assertRaises(UserError), self.case.env.cr.savepoint():
                self.do_cancel(move)
            self.case.env.invalidate_all()
            return
        was_posted = move.state == "posted"
        self.do_cancel(move)
        self.gone.append((move, None, was_posted))
        for model in models:
            model.undo(move)

    def do_cancel(self, move):
        if move.state == "posted":
            move.button_draft()
        move.button_cancel()

    def bill_again(self, move, models, is_refused):
        if is_refused:
            with self.case.assertRaises(UserError), self.case.env.cr.savepoint():
                self.reverse(move, bill_again=True)
            self.case.env.invalidate_all()
            return
        self.gone.append((move, self.reverse(move, bill_again=True), True))
        for model in models:
            model.undo(move)

    def reverse(self, move, bill_again):
        wizard = self.case.env["account.move.reversal"].with_context(active_model="account.move", active_ids=move.ids)
        with freeze_time(self.today):
            reversal = wizard.create({"journal_id": move.journal_id.id, "bill_again": bill_again})
            reversal.refund_moves()
            reversal.new_move_ids.action_post()
        return reversal.new_move_ids

    @event(number=ANY)
    def correct(self, number):
        """Reverse an invoice and create it anew: however small, it goes with its reversal and bills the same days."""
        moves = [move for move in self.get_invoices() if move.state == "posted" and move.partner_id not in self.held]
        if not moves:
            return
        move = self.pick(number, moves)
        wizard = self.case.env["account.move.reversal"].with_context(active_model="account.move", active_ids=move.ids)
        with freeze_time(self.today):
            reversal = wizard.create({"journal_id": move.journal_id.id})
            reversal.modify_moves()
            reversal.new_move_ids.action_post()
        assert reversal.new_move_ids.state == "posted", reversal.new_move_ids.deferral_state
        self.name_invoices()
        self.compare()

    @event(number=ANY)
    def withdraw(self, number):
        """Take back that an invoice went: it is reset, or the credit note that frees it is cancelled."""
        if not self.gone:
            return
        move, _credit, _was_posted = gone = self.pick(number, self.gone)
        models = [model for model in self.lines.values() if model.customer == move.partner_id]
        if all(model.can_redo(move) for model in models):
            self.do_withdraw(*gone)
            self.gone.remove(gone)
            for model in models:
                model.redo(move)
        else:
            with self.case.assertRaises(UserError), self.case.env.cr.savepoint():
                self.do_withdraw(*gone)
            self.case.env.invalidate_all()
        self.compare()

    def do_withdraw(self, move, credit, was_posted):
        with freeze_time(self.today):
            if credit:
                credit.button_draft()
                credit.button_cancel()
                return
            move.button_draft()
            if was_posted:
                move.action_post()

    # --- what must be so

    def compare(self):
        moves = self.case.env["account.move"].search(
            [
                ("commercial_partner_id", "in", [customer.id for customer in self.customers]),
                ("state", "!=", "cancel"),
            ]
        )
        for customer in self.customers:
            billed = sum(
                -move.amount_untaxed if move.move_type == "out_refund" else move.amount_untaxed
                for move in moves.filtered(lambda move, customer=customer: move.partner_id == customer)
            )
            models = [model for model in self.lines.values() if model.customer == customer]
            expected = sum((model.get_amount() for model in models), Decimal(0)) - self.by_hand[customer]
            assert round(billed, 2) == float(expected), (customer.name, billed, expected)
        for line, model in self.lines.items():
            assert self.get_days(line) == model.get_days(), (line, line.charge_ids.mapped("display_name"))

    def get_days(self, line):
        days = []
        for charge in line._get_live_charges().filtered(lambda charge: not charge.is_credit):
            for period in charge._get_uncredited_periods():
                days += [period.start + timedelta(days=number) for number in range(period.days)]
        return sorted(days)


class TestYear(BillingCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        arrears = cls.month.copy({"name": "Monthly in arrears", "billing_timing": "arrears"})
        cls.rates = [cls.internet.taxes_id, cls.env["account.chart.template"].ref("btw_9_d")]
        cls.templates = {"month": cls.month, "quarter": cls.quarter, "year": cls.year, "arrears": arrears}

    def test_a_year_of_anything_bills_each_day_once_at_its_price(self):
        YearMachine.case = self
        examples, months = int(os.environ.get("BFOCUSED_YEARS", at_size(10, 3))), 12
        run_state_machine_as_test(
            YearMachine,
            settings=settings(max_examples=examples, stateful_step_count=months, phases=[Phase.generate]),
        )
