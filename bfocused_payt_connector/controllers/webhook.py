from odoo import SUPERUSER_ID, http
from odoo.http import request

from ..const import MAX_WEBHOOK_BYTES


class PaytWebhook(http.Controller):
    """PAYT tells that something happened. What it says is kept and worked off later: see ``readme/WEBHOOK.md``."""

    @http.route(
        "/payt/webhook/<string:key>",
        type="http",
        auth="none",
        methods=["POST"],
        csrf=False,
        save_session=False,
        max_content_length=MAX_WEBHOOK_BYTES,
        readonly=False,  # what nobody logs in for is, otherwise
    )
    def receive(self, key, **_unused):
        """Answer within a fraction of a second; nothing is asked of PAYT here.

        The refusals are responses, not exceptions: that there was one is written down.
        """
        http_request = request.httprequest
        backend = request.env["payt.backend"].with_user(SUPERUSER_ID)._find_by_webhook_key(key)
        if not backend:
            return request.make_response("", status=404)
        if not http_request.is_json:
            return request.make_response("", status=415)
        body = http_request.get_data()
        if len(body) >= MAX_WEBHOOK_BYTES:  # without a length in advance, reading ends there
            return request.make_response("", status=413)
        status = backend._take_webhook(body, http_request.headers, http_request.remote_addr)
        return request.make_response("", status=status)
