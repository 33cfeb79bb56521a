"""``python -m tests.payt_sandbox --port 0 --state FILE``: the sandbox as a process of its own."""

import argparse
import json
import signal
import sys
import threading
from pathlib import Path

from .sandbox import Sandbox


def main() -> int:
    parser = argparse.ArgumentParser(prog="payt_sandbox", description="A small PAYT over real HTTP.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--state", type=Path, help="a file to keep the records in; without it they are forgotten")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=JSON", help="a setting, see README.md")
    options = parser.parse_args()
    sandbox = Sandbox(options.state, options.host, options.port)
    for setting in options.set:
        name, _, value = setting.partition("=")
        sandbox.world.set(name, json.loads(value))
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    sandbox.start()
    # one line of JSON, so that whoever started this knows where it is and how to get in
    ready = {
        "url": sandbox.url,
        "administration_id": sandbox.administration_id,
        "token": sandbox.token,
        "client_id": sandbox.client_id,
        "client_secret": sandbox.client_secret,
    }
    print(json.dumps(ready), flush=True)
    stop.wait()
    sandbox.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
