"""The virtual environment with Odoo's requirements, the OCA add-ons and the test tools."""

import importlib.util
import os
import shutil
import sys

from . import stamps, system_packages
from .errors import BillingEnvError
from .paths import CHECKOUT, VENV, VENV_PYTHON
from .processes import QuietFailure, run_quietly
from .progress import step

STAMP = "venv"
REQUIREMENTS = (CHECKOUT / "requirements.txt", CHECKOUT / "requirements-dev.txt")


def ensure() -> None:
    """Build the environment unless it is there for these very requirements.

    It is built in place, because a virtual environment cannot be moved; its stamp makes it count as built.
    """
    key = stamps.fingerprint(*REQUIREMENTS, sys.version, str(VENV))
    if stamps.is_done(STAMP, key) and VENV_PYTHON.exists():
        return
    stamps.forget(STAMP)
    try:
        with step("Python environment: Odoo's requirements, OCA add-ons, test tools"):
            _build()
    except BaseException:
        shutil.rmtree(VENV, ignore_errors=True)
        raise
    stamps.mark_done(STAMP, key)


def site_packages():
    """The folder add-ons and ``.pth`` files go to."""
    return VENV / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"


def _build() -> None:
    _ensure_venv_module()
    shutil.rmtree(VENV, ignore_errors=True)
    try:
        run_quietly([sys.executable, "-m", "venv", VENV], "venv")
    except QuietFailure as failure:
        raise BillingEnvError(
            f"could not make a virtual environment: install python3.11-venv (it said: {failure.last_line('Error')})."
        ) from failure
    _install_requirements()


def _ensure_venv_module() -> None:
    """Debian's Python comes without ensurepip; its package python3.11-venv brings it."""
    if importlib.util.find_spec("ensurepip"):
        return
    if not system_packages.may_install():
        raise BillingEnvError("this Python cannot make virtual environments: install the package python3.11-venv.")
    system_packages.install(["python3.11-venv"])


def _install_requirements() -> None:
    command = [VENV_PYTHON, "-m", "pip", "install", "--no-deps", "--no-input", "--progress-bar", "off"]
    if "PIP_RETRIES" not in os.environ:
        command += ["--retries", "2"]  # pip's own five, with their pauses, let a machine without network wait too long
    for requirements in REQUIREMENTS:
        command += ["-r", requirements]
    try:
        run_quietly(command, "pip", env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"})
    except QuietFailure as failure:
        raise BillingEnvError(
            "could not install the Python packages: check that pip reaches its package index and run this again"
            f" (pip said: {failure.last_line('ERROR:')})."
        ) from failure
