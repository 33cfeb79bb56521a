from .usage_common import UsageCase

ROW = (
    "partner_id",
    "outcome",
    "amount_untaxed",
    "amount_total",
    "amount_new",
    "message",
    "previous_amount",
    "previous_date",
    "difference_percent",
    "marks",
    "is_marked",
    "currency_id",
)


class PreviewCase(UsageCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customer.email = "post@jansen.example"

    def get_rows(self, run):
        return sorted(
            ([line[name] for name in ROW] for line in run.line_ids), key=lambda row: (row[0].id, row[1], row[2])
        )

    def get_line(self, run, customer=None):
        return run.line_ids.filtered(lambda line: line.partner_id == (customer or self.customer))

    def preview(self, text):
        run = self.make_run(text)
        run.action_preview()
        return run
