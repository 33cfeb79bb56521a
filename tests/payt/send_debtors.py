"""A worker of ``test_throttle``: sends debtors one by one, sharing its slots with others through a locked file.

python -m tests.payt.send_debtors URL TOKEN ADMINISTRATION SLOTS COUNT PREFIX
"""

import fcntl
import sys
import time
from pathlib import Path

from payt_api import NO_RETRY, PaytAuth, PaytClient, ReservedThrottle
from payt_api import operations as op
from payt_api.throttle import next_slot

from tests.payt import examples


def slots_in(path: Path):
    """A reservation all processes on this machine share: what the ORM does with a row in the database."""

    def reserve() -> float:
        with path.open("a+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            written = file.read()
            slot = next_slot(float(written) if written else None, time.time())
            file.seek(0)
            file.truncate()
            file.write(repr(slot.following))
        return slot.wait

    return reserve


def main(url: str, token: str, administration: str, slots: str, count: str, prefix: str) -> None:
    throttle = ReservedThrottle(slots_in(Path(slots)))
    auth = PaytAuth(lambda: token)
    with PaytClient(url, auth=auth, administration_id=administration, throttle=throttle, backoff=NO_RETRY) as client:
        for number in range(int(count)):
            client.write_many(op.UPSERT_DEBTORS, [examples.debtor(f"{prefix}-{number}")])


if __name__ == "__main__":
    main(*sys.argv[1:])
