"""The client is free of Odoo, and of the add-on around it."""

import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
PROGRAM = """
import importlib, pkgutil, sys
import tests.payt.without_odoo
import payt_api
names = [module.name for module in pkgutil.iter_modules(payt_api.__path__, "payt_api.")]
for name in names:
    importlib.import_module(name)
foreign = [name for name in sys.modules if name.partition(".")[0] in ("odoo", "psycopg2", "bfocused_payt_connector")]
assert not foreign, foreign
print(len(names))
"""


def test_every_module_of_the_client_comes_without_odoo():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=CHECKOUT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == len(list((CHECKOUT / "bfocused_payt_connector" / "payt_api").glob("*.py"))) - 1


def test_the_client_runs_as_a_part_of_the_add_on_too(tmp_path):
    """Under another parent: no module may name the package itself."""
    (tmp_path / "addon").mkdir()
    (tmp_path / "addon" / "__init__.py").touch()
    (tmp_path / "addon" / "payt_api").symlink_to(CHECKOUT / "bfocused_payt_connector" / "payt_api")
    (tmp_path / "addon" / "const.py").symlink_to(CHECKOUT / "bfocused_payt_connector" / "const.py")
    program = "import addon.const, addon.payt_api as p, sys; p.PaytClient; assert 'payt_api' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, timeout=60)
