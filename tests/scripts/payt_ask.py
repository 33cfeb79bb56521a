"""Ask PAYT something many times, from the same moment on as other processes do.

Arguments: database, number of requests, a file to make when ready, a file to wait for.
"""

import sys
import time
from pathlib import Path

import payt_session
import session


def main(database, count, ready, start):
    payt_session.configure(database)
    with session.environment(database) as env:
        backend = env["payt.backend"].search([])
        backend.token_ids.read(["access_token"])  # the transaction's view is from before the start
        ready.touch()
        while not start.exists():
            time.sleep(0.01)
        with backend._get_client() as client:
            for _ in range(count):
                client.administration()


main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]))
