"""What the operating system has to bring: installed with apt where we may, otherwise named in one line."""

import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from .errors import BillingEnvError
from .processes import QuietFailure, run_quietly
from .progress import Step, say, step

FONT_FOLDERS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"))
BROWSERS = ("google-chrome", "chromium", "chromium-browser", "google-chrome-stable")  # the names Odoo looks for

_installing = threading.Lock()  # a second apt-get update at the same time fails


@dataclass(frozen=True)
class Need:
    """Something the system may lack: what for, whether it is there, and Debian's packages that bring it."""

    purpose: str
    is_met: Callable[[], bool]
    packages: tuple[str, ...]


def _has_font(file_name: str) -> bool:
    return any(True for folder in FONT_FOLDERS for _found in folder.rglob(file_name))


def _has_pdf_fonts() -> bool:
    return all(map(_has_font, ("DejaVuSans.ttf", "LiberationSans-Regular.ttf", "Symbola*.ttf")))


FONTS = Need(
    "the fonts of PDF documents",
    _has_pdf_fonts,
    # the last one for emoji, which are boxes without it
    ("fontconfig", "fonts-dejavu-core", "fonts-liberation", "fonts-symbola"),
)
PDF_TOOLS = Need("reading PDFs in tests", lambda: bool(shutil.which("pdftotext")), ("poppler-utils",))
BROWSER = Need("the browser tests", lambda: any(map(shutil.which, BROWSERS)), ("chromium",))


def may_install() -> bool:
    """Whether we are root on a system with apt."""
    return os.geteuid() == 0 and bool(shutil.which("apt-get"))


def apt_environment() -> dict[str, str]:
    return {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}


def install(packages: Iterable[str]) -> None:
    """Install Debian packages.

    :raise BillingEnvError: one sentence with apt's own last error.
    """
    packages = list(packages)
    command = ["apt-get", "install", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300", *packages]
    try:
        with _installing:
            run_quietly(["apt-get", "update"], "apt-update", env=apt_environment())
            run_quietly(command, "apt-install", env=apt_environment())
    except QuietFailure as failure:
        raise BillingEnvError(
            f"could not install {' '.join(packages)}: check the network and run this again, or install them yourself"
            f" (apt said: {failure.last_line('E:')})."
        ) from failure


def get_step(needs: Iterable[Need]) -> Step | None:
    """What :func:`ensure` has to do; nothing where nothing is lacking that we may install."""
    packages = _get_packages(needs)
    return Step(f"System packages: {' '.join(packages)}", 30) if packages and may_install() else None


def ensure(needs: Iterable[Need]) -> None:
    """Install what is lacking."""
    if lacking := get_step(needs):
        with step(lacking):
            install(_get_packages(needs))


def tell_lacking(needs: Iterable[Need]) -> None:
    """Say in one line what to install where that is not ours to do."""
    unmet = [need for need in needs if not need.is_met()]
    if unmet and not may_install():
        purposes = " and ".join(need.purpose for need in unmet)
        say(f"Note: for {purposes} install: {' '.join(_get_packages(unmet))}")


def _get_packages(needs: Iterable[Need]) -> list[str]:
    return [package for need in needs if not need.is_met() for package in need.packages]


def output_of(command: list[str]) -> str:
    """Standard output of a short program; empty when it cannot be run."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
