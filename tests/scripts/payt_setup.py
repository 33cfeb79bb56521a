"""A connection to the sandbox and some partners waiting in the outbox.

Arguments: address, administration, authentication, token (fixed, or the one to refresh with), number of partners.
"""

import sys

import payt_session

url, administration, method, token, count = sys.argv[1:]
payt_session.stub(env)  # noqa: F821
backend = env["payt.backend"].create(  # noqa: F821
    {
        "environment": "other",
        "base_url": url,
        "administration_id": administration,
        "auth_method": method,
        "client_id": "sandbox-client",
        "client_secret": "sandbox-client-secret",
        "access_token" if method == "static" else "refresh_token": token,
    }
)
partners = env["res.partner"].create(  # noqa: F821
    [{"name": f"Partner {number}", "ref": f"P{number}"} for number in range(int(count))]
)
env["payt.outbox"].search([]).unlink()  # noqa: F821
if partners:
    env["payt.outbox"]._put(partners, "contact")  # noqa: F821
