"""From a command's name to its code; here a failure becomes one sentence and an exit code."""

import importlib
import signal
import sys
from collections.abc import Sequence

from . import beside
from .errors import BillingEnvError, Terminated


def main(command: str, arguments: Sequence[str]) -> int:
    """Run ``bin/<command>`` and return its exit code."""
    signal.signal(signal.SIGTERM, _terminate)
    signal.signal(signal.SIGHUP, _terminate)
    try:
        return _run(command, arguments)
    except BillingEnvError as error:
        print(f"bin/{command}: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"bin/{command}: the system refused something, mend that and run this again ({error}).", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\nbin/{command}: interrupted; run it again to go on.", file=sys.stderr)
        return 128 + signal.SIGINT
    except Terminated as terminated:
        return terminated.exit_code


def _run(command: str, arguments: Sequence[str]) -> int:
    try:
        code = importlib.import_module(f"billing_env.commands.{command}").main(arguments)
        beside.finish()
        return code
    finally:
        beside.stop()


def _terminate(signal_number: int, _frame: object) -> None:
    raise Terminated(signal_number)
