"""Facts of PAYT's interface: hosts, headers, limits.

Sources: the vendor's OpenAPI description of the Customer API v1 (copy: ``tests/payt_sandbox/openapi.json``) and, for
what it is silent about, https://docs.paytsoftware.com (pages named beside each fact).
"""

from typing import NamedTuple


class Environment(NamedTuple):
    """Where one of PAYT's environments lives. Nothing carries over from one to the other."""

    api: str  # requests and the token endpoint
    app: str  # the web application, where a person grants access


PRODUCTION = Environment("https://api.paytsoftware.com", "https://app.paytsoftware.com")
DEMO = Environment("https://demo-api.paytsoftware.com", "https://demo.paytsoftware.com")

TOKEN_PATH = "/oauth/token"
AUTHORIZE_PATH = "/oauth/authorize"

DELIVERY_HEADER = "X-PAYT-DELIVERY"
ADMINISTRATION_HEADER = "X-PAYT-ADMINISTRATION-IDENTIFIER"
SIGNATURE_HEADER = "X-PAYT-SIGNATURE"
# the only address PAYT sends webhooks from (docs: webhooks)
WEBHOOK_SOURCE_ADDRESS = "34.249.128.162"

# per access token (docs: api/responses); a request above it is answered 429 without data
REQUESTS_PER_SECOND = 10
# The pause between two requests. Not 0.100: with ten evenly spaced requests, a little delay on the way of the first
# puts eleven into PAYT's second.
REQUEST_INTERVAL_SECONDS = 0.11

# "per_page (1..500), defaults to 100" of every list
MAX_PER_PAGE = 500
# The only maximum the description has for a list in a request (invoices/block and /resume). It has none for the other
# bulk writes; the same is kept there, so that an answer comes in time and a lost one costs little.
MAX_RECORDS_PER_WRITE = 1000
# No maximum is documented for filters ("a comma separated list"); servers commonly refuse addresses over 8 kB.
MAX_FILTER_VALUES = MAX_PER_PAGE
MAX_FILTER_CHARACTERS = 4000

# base64 of the 64 bytes of a SHA3-512; PAYT checks the length (docs: models/file)
CHECKSUM_LENGTH = 88

# (connect, read) in seconds. PAYT publishes no times; a write of 1000 invoices may take longer than a page to read.
READ_TIMEOUT = (5.0, 30.0)
WRITE_TIMEOUT = (5.0, 120.0)
TOKEN_TIMEOUT = (5.0, 30.0)
UPLOAD_TIMEOUT = (5.0, 120.0)
