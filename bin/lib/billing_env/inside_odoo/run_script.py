"""``run_script.py DATABASE SCRIPT [arguments]``: run a Python file with ``env``, as ``odoo shell`` would.

What the script did is committed when it ends, unless it raises or exits with an error. Meanwhile a web server answers
for the database, so that PDFs are complete; ``BFOCUSED_WEB=0`` leaves it out.
"""

import os
import runpy
import sys
from contextlib import nullcontext
from pathlib import Path

import session
import web


def main(database: str, script: Path, arguments: list[str]) -> None:
    session.configure(database)
    sys.argv = [str(script), *arguments]
    sys.path.insert(0, str(script.parent))
    serving = nullcontext() if os.environ.get("BFOCUSED_WEB") == "0" else web.serving(database)
    with serving, session.environment(database) as env:
        try:
            runpy.run_path(str(script), init_globals={"env": env}, run_name="__main__")
        except SystemExit as leaving:
            # sys.exit() and sys.exit(0) are good ends; any other rolls back on its way out
            if leaving.code:
                raise
        env.flush_all()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]).resolve(), sys.argv[3:])
