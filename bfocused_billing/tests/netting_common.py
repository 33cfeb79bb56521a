from freezegun import freeze_time

from .deferral_common import DeferralCase


class NettingCase(DeferralCase):
    """A customer with a yearly subscription that goes on, so that nothing is released because the last one ended."""

    def setUp(self):
        super().setUp()
        self.going_on = self.make_subscription(self.year, self.domain, start="2026-01-01")
        with freeze_time("2026-01-01"):
            self.bill("2026-01-01")

    def sell(self, amount, customer=None, **values):
        """A subscription of which a quarter of ``amount``, without VAT, was billed."""
        product = self.make_product("Given back", "connectivity", amount, billing_price_cycle="quarter")
        subscription = self.make_subscription(self.quarter, product, customer=customer, **values)
        with freeze_time("2026-01-02"):
            self.bill("2026-01-02")
        return subscription

    def owe(self, amount, customer=None, **values):
        """A subscription of which ``amount``, without VAT, was billed and is given back by the next run."""
        subscription = self.sell(amount, customer, **values)
        self.give_back(subscription)
        return subscription

    def give_back(self, subscription):
        subscription.date = subscription.date_start

    def run_on(self, text):
        with freeze_time(text):
            run = self.make_run(text)
            run.action_run()
        self.assertFalse(run.failed_count, run.line_ids.mapped("message"))
        return run

    def cancel_mandates(self, customer=None):
        mandates = (customer or self.customer).bank_ids.mandate_ids
        mandates.filtered(lambda mandate: mandate.state == "valid").cancel()

    def get_credit_notes(self, customer=None):
        partner = customer or self.customer
        return self.env["account.move"].search(
            [("commercial_partner_id", "=", partner.id), ("move_type", "=", "out_refund")], order="id"
        )

    def get_outcomes(self, run):
        return sorted((row.outcome, row.amount_untaxed) for row in run.line_ids)
