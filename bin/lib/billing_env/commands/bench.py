"""``bin/bench [name]``: run benchmarks of ``tests/benchmarks/`` in a database of their own."""

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

from .. import databases, inside, postgres, setup_steps
from ..errors import BillingEnvError
from ..paths import CACHE, CHECKOUT
from ..progress import Step, say, step

FOLDER = CHECKOUT / "tests" / "benchmarks"


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="bin/bench", description="Run benchmarks, each in a fresh database.")
    parser.add_argument("name", nargs="?", help="which one; default: all of tests/benchmarks/")
    parser.add_argument("--json", action="store_true", help="print the results as one JSON object, by name")
    options = parser.parse_args(arguments)
    scripts = _scripts(options.name)
    steps = {script: Step(f"Benchmark {script.stem}", speaks=True) for script in scripts}
    setup_steps.ensure(then=[*databases.get_missing(), *steps.values()], with_tools=True)
    results, failed = {}, []
    with postgres.running() as server:
        cluster = databases.Cluster(server)
        template = databases.ensure_template(cluster)
        for script in scripts:
            with step(steps[script]):
                code, results[script.stem] = _run(cluster, template, script, as_json=options.json)
            if code:
                failed.append(script.stem)
    if options.json:
        print(json.dumps(results, indent=2, ensure_ascii=False))
    if failed:
        say(f"bin/bench: failed, see above: {', '.join(failed)}.")
    return 1 if failed else 0


def _scripts(name: str | None) -> list[Path]:
    """The benchmark of that name, or all."""
    scripts = sorted(path for path in FOLDER.glob("*.py") if not path.name.startswith("_"))
    known = ", ".join(path.stem for path in scripts) or "none yet"
    if not scripts:
        raise BillingEnvError(f"{FOLDER.relative_to(CHECKOUT)} holds no benchmark yet.")
    if name is None:
        return scripts
    chosen = [path for path in scripts if path.stem == name]
    if not chosen:
        raise BillingEnvError(f"there is no benchmark {name}: choose one of {known}.")
    return chosen


def _run(cluster: databases.Cluster, template: str, script: Path, *, as_json: bool) -> tuple[int, object]:
    """Run one benchmark in a copy of the template.

    :return: its exit code and what it left as its result.
    """
    with (
        tempfile.TemporaryDirectory(prefix="bench-", dir=CACHE) as folder,
        databases.temporary_copy(cluster, template, "bench") as database,
    ):
        result_file = Path(folder) / "result.json"
        variables = {"BFOCUSED_DATA": str(CHECKOUT / "data"), "BFOCUSED_RESULT": str(result_file)}
        if as_json:
            variables["BFOCUSED_JSON"] = "1"
        code = inside.run_script(cluster.server, database, script, variables=variables, stdout_to_stderr=as_json)
        return code, json.loads(result_file.read_text()) if result_file.exists() else None
