"""``bin/demo``: a fresh database with the sample input, four month turns and all of it at PAYT, then the web client."""

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

from .. import databases, inside, odoo_config, payt_sandbox, postgres, setup_steps
from ..errors import BillingEnvError
from ..paths import CACHE, CHECKOUT
from ..progress import Step, step
from . import serve

SCRIPT = CHECKOUT / "bin" / "lib" / "month_turns.py"
DATABASE = odoo_config.DEFAULT_DATABASE
TURNS = Step("Sample input, four month turns, and PAYT takes them over", 50, speaks=True)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="bin/demo",
        description="Load data/ into a fresh database, run the month turns of January to April 2026, hand all over"
        " to a PAYT sandbox, and serve both.",
    )
    parser.add_argument("--no-serve", action="store_true", help="stop after the month turns and the hand-over")
    parser.add_argument("--json", action="store_true", help="print the numbers as one JSON object; does not serve")
    serve.add_port_option(parser)
    options = parser.parse_args(arguments)
    serves = not (options.no_serve or options.json)
    if serves:
        serve.check_port(options.port)
    setup_steps.ensure(then=[*databases.get_missing(), TURNS])
    with postgres.running() as server:
        cluster = databases.Cluster(server)
        databases.check_replaceable(cluster, DATABASE)
        template = databases.ensure_template(cluster)
        with (
            payt_sandbox.fresh(DATABASE) as payt,
            databases.fresh_copy(cluster, template, DATABASE) as building,
        ):
            result = _turn_months(cluster, building, payt, as_json=options.json)
            databases.set_address(cluster, building, options.port)
        if options.json:
            print(json.dumps(result, indent=2, ensure_ascii=False))
        return serve.serve(cluster, DATABASE, options.port) if serves else 0


def _turn_months(cluster: databases.Cluster, database: str, payt: dict, *, as_json: bool) -> dict:
    """Run the script that loads ``data/``, turns the months and hands over to PAYT.

    :return: its numbers.
    """
    if not SCRIPT.exists():
        raise BillingEnvError(f"{SCRIPT.relative_to(CHECKOUT)} is missing: check out the whole repository.")
    with tempfile.TemporaryDirectory(prefix="demo-", dir=CACHE) as folder:
        result_file = Path(folder) / "result.json"
        variables = {
            "BFOCUSED_DATA": str(CHECKOUT / "data"),
            "BFOCUSED_RESULT": str(result_file),
            "BFOCUSED_PAYT": json.dumps(payt),
        }
        if as_json:
            variables["BFOCUSED_JSON"] = "1"
        with step(TURNS):
            code = inside.run_script(cluster.server, database, SCRIPT, variables=variables, stdout_to_stderr=as_json)
        if code:
            raise BillingEnvError("the month turns failed, see above; the demo database is as it was before.")
        try:
            return json.loads(result_file.read_text())
        except (OSError, ValueError) as error:
            raise BillingEnvError(f"{SCRIPT.relative_to(CHECKOUT)} left no result: mend it ({error}).") from error
