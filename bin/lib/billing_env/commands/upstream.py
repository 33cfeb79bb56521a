"""``bin/upstream [module ...]``: the suites of what we build on, without our add-ons and with them, compared."""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from .. import databases, odoo_config, postgres, setup_steps
from ..errors import BillingEnvError
from ..paths import CACHE, CHECKOUT, VENV_PYTHON
from ..processes import run_in_foreground
from ..progress import Step, say, step

SUITES = (
    "subscription_oca",
    "account_banking_mandate",
    "account_banking_sepa_direct_debit",
    "account_payment_order",
    "account_payment_return",
    "account_payment_return_import_iso20022",
    "account_invoice_merge",
    "queue_job",
    "portal",
    "payment",
)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="bin/upstream",
        description="Run the test suites of modules we build on, without our add-ons and with them (switched off), and"
        " name the tests whose outcome differs.",
    )
    parser.add_argument("modules", nargs="*", default=SUITES, help=f"default: {' '.join(SUITES)}")
    options = parser.parse_args(arguments)
    setup_steps.ensure(setup_steps.FOR_TESTING, databases.get_missing())
    with postgres.running() as server:
        cluster = databases.Cluster(server)
        without = _run(cluster, databases.ensure_base(cluster), "without our add-ons", options.modules)
        having = _run(cluster, databases.ensure_template(cluster), "with our add-ons", options.modules)
    return _compare(without, having)


def _run(cluster: databases.Cluster, template: str, what: str, modules: Sequence[str]) -> dict[str, str]:
    """Run the suites in a copy of ``template``.

    :return: outcome per test: ``passed``, ``skipped``, ``failure`` or ``error``.
    """
    with (
        tempfile.TemporaryDirectory(prefix="upstream-", dir=CACHE) as folder,
        step(Step(f"Suites {what}", 300, speaks=True)),
    ):
        report = Path(folder) / "report.xml"
        # conftest.py makes the copy to test in
        env = odoo_config.environment(cluster.server) | {"BFOCUSED_TEST_TEMPLATE": template}
        command = [VENV_PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=no", f"--junit-xml={report}"]
        names = [f"odoo.addons.{name}" for name in modules]
        command += ["--odoo-database", template, "--odoo-http", "--pyargs", *names]
        run_in_foreground(command, env=env, pass_fds=cluster.server.inherited, cwd=CHECKOUT, stdout=2)
        outcomes = {
            f"{case.get('classname')}.{case.get('name')}": case[0].tag if len(case) else "passed"
            for case in ElementTree.parse(report).iter("testcase")
        }
    if "passed" not in outcomes.values():
        raise BillingEnvError(f"no test passed {what}, so nothing can be compared: see above.")
    return outcomes


def _compare(without: dict[str, str], having: dict[str, str]) -> int:
    """Print the counts and the differences.

    :return: exit code: 1 where a test fails only with our add-ons, or isn't run with them.
    """
    for what, outcomes in (("without", without), ("with", having)):
        counts = {outcome: list(outcomes.values()).count(outcome) for outcome in sorted(set(outcomes.values()))}
        say(f"{what:>8}: " + ", ".join(f"{count} {outcome}" for outcome, count in counts.items()))
    differing = [name for name in sorted(without.keys() | having.keys()) if without.get(name) != having.get(name)]
    for name in differing:
        print(f"{name}: {without.get(name, 'not run')} without, {having.get(name, 'not run')} with")
    if not differing:
        print(f"{len(having)} tests, none of which differs.")
    return 1 if any(having.get(name) not in ("passed", "skipped") for name in differing) else 0
