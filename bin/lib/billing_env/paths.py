"""Where things are: the checkout and its cache."""

import os
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[3]
# Everything that is downloaded or built; safe to delete as a whole. BFOCUSED_CACHE puts it elsewhere.
CACHE = Path(os.environ.get("BFOCUSED_CACHE") or CHECKOUT / ".cache").absolute()

ADDON_PREFIX = "bfocused_"  # our add-ons are the folders of the checkout named so

VENV = CACHE / "venv"
VENV_PYTHON = VENV / "bin" / "python"
TOOLS = CACHE / "bin"  # first on PATH of everything started: holds the chosen wkhtmltopdf
LOGS = CACHE / "logs"
STAMPS = CACHE / "stamps"
DATA_DIR = CACHE / "data"  # Odoo's data_dir
FILESTORE = DATA_DIR / "filestore"
ODOO_CONF = CACHE / "odoo.conf"
INSIDE_ODOO = Path(__file__).resolve().parent / "inside_odoo"
