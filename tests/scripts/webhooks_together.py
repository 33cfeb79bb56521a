"""Webhooks that come at the same moment, each in a transaction of its own, as Odoo's HTTP server serves them.

``run_script.py DATABASE webhooks_together.py``; raises where something isn't as it has to be.
"""

import json
import threading
import time
from functools import partial

from odoo import SUPERUSER_ID, api
from odoo.service.model import retrying

from odoo.addons.bfocused_payt_connector.const import SIGNATURE_HEADER
from odoo.addons.bfocused_payt_connector.payt_api.signature import sign

SECRET = "a webhook secret"
env = env  # noqa: F821, PLW0127  (given by run_script.py)


def deliver(backend_id, event_id, secret, statuses, barrier):
    body = json.dumps({"event": {"id": event_id}}).encode()
    with env.registry.cursor() as cr:
        own = api.Environment(cr, SUPERUSER_ID, {})
        backend = own["payt.backend"].browse(backend_id)
        backend.name  # noqa: B018  (the transaction's view of the database begins here)
        barrier.wait()
        headers = {SIGNATURE_HEADER: sign(body, secret)}
        statuses.append(retrying(partial(backend._take_webhook, body, headers, "127.0.0.1"), own))


def deliver_together(backend, calls):
    statuses, barrier = [], threading.Barrier(len(calls))
    threads = [threading.Thread(target=deliver, args=(backend.id, *call, statuses, barrier)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    env.cr.rollback()  # see what they did
    env.invalidate_all()
    return sorted(statuses)


backend = env["payt.backend"].create({"company_id": env.company.id, "webhook_secret": SECRET})
env.cr.commit()
events = env["payt.webhook.event"]

# the same event eight times, and eight different ones
assert deliver_together(backend, [("one", SECRET)] * 8) == [200] * 8
assert events.search_count([("backend_id", "=", backend.id)]) == 1
assert deliver_together(backend, [(f"other-{number}", SECRET) for number in range(8)]) == [200] * 8
assert events.search_count([("backend_id", "=", backend.id)]) == 9
assert backend.webhook_last_at

# a job that began before strangers came, and writes on the connection afterwards, isn't disturbed
with env.registry.cursor() as cr:
    job = api.Environment(cr, SUPERUSER_ID, {})["payt.backend"].browse(backend.id)
    assert job.remark is False
    assert deliver_together(backend, [("x", "guessed")] * 8) == [403] * 8
    time.sleep(1)
    assert deliver_together(backend, [("x", "guessed")] * 8) == [403] * 8
    job.remark = "Written by the job"
assert 2 <= backend.webhook_refused_count <= 4, backend.webhook_refused_count
assert events.search_count([("backend_id", "=", backend.id)]) == 9

# a job works events off, and has them locked: a delivery of one of them doesn't wait for it
with env.registry.cursor() as cr:
    job = api.Environment(cr, SUPERUSER_ID, {})["payt.webhook.event"]
    assert len(job._take_batch(job.env["payt.backend"].browse(backend.id))) == 9
    began = time.monotonic()
    assert deliver_together(backend, [("one", SECRET), ("new", SECRET)]) == [200, 200]
    assert time.monotonic() - began < 3
