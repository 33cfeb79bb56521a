from odoo import http
from odoo.http import content_disposition, request

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class BillingRunController(http.Controller):
    @http.route("/bfocused_billing/run/<int:run_id>/xlsx", type="http", auth="user", readonly=True)
    def export_xlsx(self, run_id):
        """The outcomes of a run as a spreadsheet, for whom may read the run; others don't learn that it exists."""
        run = request.env["bfocused.billing.run"].browse(run_id)
        if not run.has_access("read") or not run.exists():
            raise request.not_found()
        headers = [("Content-Type", XLSX), ("Content-Disposition", content_disposition(run._get_xlsx_name()))]
        return request.make_response(run._get_xlsx(), headers)
