"""Makes ``payt_api`` importable on its own, past the add-on's ``__init__.py``, which needs Odoo.

Importing this module is enough. Had the client an import of Odoo or of the add-on's other modules, it would fail here.
"""

import importlib.util
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "bfocused_payt_connector" / "payt_api"


def load() -> None:
    if "payt_api" in sys.modules:
        return
    init = FOLDER / "__init__.py"
    spec = importlib.util.spec_from_file_location("payt_api", init, submodule_search_locations=[str(FOLDER)])
    module = importlib.util.module_from_spec(spec)
    sys.modules["payt_api"] = module
    spec.loader.exec_module(module)


load()
