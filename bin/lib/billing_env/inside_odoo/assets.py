"""The web client's assets of a new database: scripts and style sheets, each kind made by a process of its own.

Making them takes longer than installing our add-ons, and a change of Python or XML changes none. So each bundle is kept
under the checksum that Odoo gives it (of its files and their times), and the next template takes it from there.
"""

import ctypes
import os
import signal
import sys
import time
import traceback
from pathlib import Path

import session

from odoo import sql_db

# what Odoo tests its own web client with: large, and made when somebody asks for it
NOT_MADE = {"web.assets_unit_tests", "web.assets_unit_tests_setup", "web.qunit_suite_tests", "web.tests_assets"}
KEPT = 14 * 24 * 3600  # seconds that a bundle is kept after its last use
PR_SET_PDEATHSIG = 1  # <sys/prctl.h>


def generate(database: str, store: Path) -> None:
    """Make all assets of the database, or take them from the folder ``store``."""
    store.mkdir(parents=True, exist_ok=True)
    sql_db.close_all()  # two processes can't share a connection
    child = os.fork()
    if not child:
        _be_child(database, store)
    try:
        _generate(database, store, "js")
    finally:
        _pid, status = os.waitpid(child, 0)
    if status:
        sys.exit("ERROR: the style sheets could not be made, see above")
    _forget_old(store)


def _be_child(database: str, store: Path) -> None:
    code = 1
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        _generate(database, store, "css")
        code = 0
    except BaseException:  # noqa: BLE001  a forked process must not go on with its parent's code
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _generate(database: str, store: Path, kind: str) -> None:
    """Do the bundles of a kind, ``js`` or ``css``."""
    with session.environment(database) as env:
        qweb = env["ir.qweb"]
        scripts, styles = qweb._get_bundles_to_pregenarate()
        for name in sorted((scripts if kind == "js" else styles) - NOT_MADE):
            bundle = qweb._get_asset_bundle(name, css=kind == "css", js=kind == "js")
            kept = store / f"{name}.{bundle.get_checksum(kind)}.{kind}"
            if kept.exists():
                os.utime(kept)
                bundle.save_attachment(f"min.{kind}", kept.read_text(encoding="utf-8"))
                continue
            made = bundle.js() if kind == "js" else bundle.css()
            if not bundle.css_errors:
                _keep(kept, made.raw or b"")  # a bundle may be empty


def _keep(path: Path, content: bytes) -> None:
    """Write a file that is whole whenever it has its name."""
    temporary = path.with_suffix(".new")
    temporary.write_bytes(content)
    temporary.replace(path)


def _forget_old(store: Path) -> None:
    for path in store.iterdir():
        if path.stat().st_mtime < time.time() - KEPT:
            path.unlink()


def main(database: str, store: Path) -> None:
    """For trying it out: ``assets.py DATABASE FOLDER``."""
    session.configure(database)
    with session.environment(database):
        pass
    generate(database, store)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
