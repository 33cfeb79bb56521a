"""The virtual environment: Odoo's requirements and the OCA add-ons, and apart from these the test and lint tools."""

import importlib.util
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from . import stamps, system_packages
from .errors import BillingEnvError
from .paths import CHECKOUT, VENV, VENV_PYTHON
from .processes import QuietFailure, run_quietly
from .progress import Step, step

STAMP = "venv"
TOOLS_STAMP = "tools"
REQUIREMENTS = (CHECKOUT / "requirements.txt",)
TOOLS_REQUIREMENTS = (CHECKOUT / "requirements-dev.txt",)
BUILDER = "setuptools"  # builds the packages that come as source; its version is in REQUIREMENTS
STEP = Step("Python packages: Odoo's requirements and the OCA add-ons", 25)
ADDING_TOOLS = VENV / "adding-tools"  # there while the tools are not complete
TOOLS_STEP = Step("Python packages: test and lint tools", 15)


def key() -> str:
    """Of the environment without the tools."""
    return stamps.fingerprint(*REQUIREMENTS, sys.version, str(VENV))


def tools_key() -> str:
    """Of the tools; they are installed into one environment, so it is part of their key."""
    return stamps.fingerprint(*TOOLS_REQUIREMENTS, key())


def is_ready() -> bool:
    """Whether the environment is there for these very requirements, with its tools or without."""
    tools_fit = stamps.read(TOOLS_STAMP) in (None, tools_key()) and not ADDING_TOOLS.exists()
    return stamps.is_done(STAMP, key()) and VENV_PYTHON.exists() and tools_fit


def has_tools() -> bool:
    return is_ready() and stamps.is_done(TOOLS_STAMP, tools_key())


def make() -> None:
    """Make an empty environment, in place, because one cannot be moved; its stamp makes it count as built."""
    stamps.forget(STAMP)
    stamps.forget(TOOLS_STAMP)
    _ensure_venv_module()
    shutil.rmtree(VENV, ignore_errors=True)
    try:
        run_quietly([sys.executable, "-m", "venv", VENV], "venv")
    except QuietFailure as failure:
        raise BillingEnvError(
            f"could not make a virtual environment: install python3.11-venv (it said: {failure.last_line('Error')})."
        ) from failure


def fill() -> None:
    """Install Odoo's requirements into the empty environment."""
    with step(STEP):
        (builder,) = (line for line in _lines(REQUIREMENTS[0]) if line.startswith(f"{BUILDER}=="))
        _install("pip", [builder])
        _install("pip", ["--no-build-isolation", "-r", REQUIREMENTS[0]])
    stamps.mark_done(STAMP, key())


def add_tools() -> None:
    """Install the test and lint tools; until they are complete the whole environment counts as not built."""
    ADDING_TOOLS.touch()
    with step(TOOLS_STEP):
        _install("pip-tools", ["-r", TOOLS_REQUIREMENTS[0]])
    stamps.mark_done(TOOLS_STAMP, tools_key())
    ADDING_TOOLS.unlink()


def remove() -> None:
    """Remove an environment that did not become complete."""
    stamps.forget(STAMP)
    stamps.forget(TOOLS_STAMP)
    shutil.rmtree(VENV, ignore_errors=True)


def site_packages() -> Path:
    """The folder add-ons and ``.pth`` files go to."""
    return VENV / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"


def _lines(requirements: Path) -> list[str]:
    return [line.strip() for line in requirements.read_text().splitlines()]


def _ensure_venv_module() -> None:
    """Debian's Python comes without ensurepip; its package python3.11-venv brings it."""
    if importlib.util.find_spec("ensurepip"):
        return
    if not system_packages.may_install():
        raise BillingEnvError("this Python cannot make virtual environments: install the package python3.11-venv.")
    system_packages.install(["python3.11-venv"])


def _install(log_name: str, what: Sequence[str | os.PathLike]) -> None:
    """Have pip install something.

    What is imported gets compiled then: compiling all of it beforehand takes longer than the download.
    """
    command = [VENV_PYTHON, "-m", "pip", "install", "--no-deps", "--no-input", "--progress-bar", "off", "--no-compile"]
    if "PIP_RETRIES" not in os.environ:
        command += ["--retries", "2"]  # pip's own five, with their pauses, let a machine without network wait too long
    try:
        run_quietly([*command, *what], log_name, env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"})
    except QuietFailure as failure:
        raise BillingEnvError(
            "could not install the Python packages: check that pip reaches its package index and run this again"
            f" (pip said: {failure.last_line('ERROR:')})."
        ) from failure
