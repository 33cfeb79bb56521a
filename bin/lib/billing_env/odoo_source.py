"""Odoo 19.0 itself: Debian's package, unpacked into a private folder, or the user's own tree in ODOO_HOME."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from . import debian_sources, python_env, stamps, system_packages
from .errors import BillingEnvError
from .paths import CACHE
from .processes import QuietFailure, run_quietly
from .progress import Step, step

SERIES = "19.0"
SUITE = "sid"  # the Debian suite that has odoo-19
ODOO_PACKAGE = "odoo-19"
# what Odoo's package links to by relative links (of what we use: the point of sale's font is left out)
LINKED_PACKAGES = (
    "fonts-glyphicons-halflings",
    "fonts-montserrat",
    "fonts-ocr-b",
    "fonts-roboto-unhinted",
    "gsfonts",
    "libjs-jquery",
    "libjs-jquery-form",
    "libjs-underscore",
)
# from the machine's own release: in the newer suite the files Odoo links to have other names
OWN_RELEASE_PACKAGES = ("fonts-font-awesome",)
# beside odoo/ in the package and not needed: a second copy of the add-ons' Python files, documentation, packaging
SUPERFLUOUS = ("addons", "doc", "setup")

TREE = CACHE / "odoo"
PACKAGED_HOME = TREE / "usr" / "lib" / "python3" / "dist-packages"
STAMP = "odoo"
RECIPE = "1"  # count up when the way of unpacking changes
STEP = Step(f"Odoo {SERIES}: Debian's package, unpacked into .cache", 20)
# what apt says of a package that the suite hasn't got any more, as when Debian goes on to Odoo's next series
GONE = re.compile(
    r"^E: (Unable to locate package|Release '[^']*' for '[^']*' was not found|Version '[^']*' for '[^']*' was"
    r" not found|Package '[^']*' has no installation candidate|Can't select candidate version)",
    re.MULTILINE,
)
WAY_OUT = f"let ODOO_HOME name a checkout of Odoo's own branch {SERIES}"


def home() -> Path:
    """The folder that holds ``odoo/``."""
    own = os.environ.get("ODOO_HOME")
    return Path(own).absolute() if own else PACKAGED_HOME


def addons_folders() -> list[Path]:
    """Odoo's add-on folders; a source tree has a second one beside ``odoo/``."""
    return [folder for folder in (home() / "odoo" / "addons", home() / "addons") if folder.is_dir()]


def release() -> str:
    """The version told by ``odoo/release.py``, such as ``19.0``; empty where that file is not there."""
    try:
        text = (home() / "odoo" / "release.py").read_text()
    except OSError:
        return ""
    found = re.search(r"^version_info\s*=\s*\(\s*['\"]?([^,'\"]+)['\"]?\s*,\s*(\d+)", text, re.MULTILINE)
    return f"{found[1]}.{found[2]}" if found else ""


def check() -> None:
    """Refuse, before anything is built, an ODOO_HOME that is no Odoo or another series."""
    if not os.environ.get("ODOO_HOME"):
        return
    found = release()
    if not found:
        raise BillingEnvError(f"ODOO_HOME={home()} holds no Odoo: let it name a folder that contains odoo/release.py.")
    if found != SERIES:
        raise BillingEnvError(f"ODOO_HOME={home()} is Odoo {found}: let it name an Odoo {SERIES} tree, or unset it.")


def put_on_path() -> None:
    """Let the virtual environment find ``odoo``."""
    pth = python_env.site_packages() / "odoo.pth"
    line = f"{home()}\n"
    if not pth.exists() or pth.read_text() != line:
        pth.write_text(line)


def is_ready() -> bool:
    """Whether Odoo's source is there, the user's own or the unpacked package."""
    return bool(os.environ.get("ODOO_HOME")) or (stamps.is_done(STAMP, _key()) and PACKAGED_HOME.is_dir())


def unpack() -> None:
    """Download Debian's package and unpack it."""
    stamps.forget(STAMP)
    with step(STEP):
        _build_tree()
    if release() != SERIES:
        found = release() or "an unknown version"
        shutil.rmtree(TREE)
        raise BillingEnvError(f"Debian's package {ODOO_PACKAGE} holds {found}, not {SERIES}: {WAY_OUT}.")
    stamps.mark_done(STAMP, _key())


def _key() -> str:
    return stamps.fingerprint(RECIPE, SUITE, ODOO_PACKAGE, LINKED_PACKAGES, OWN_RELEASE_PACKAGES)


def _build_tree() -> None:
    """Download and unpack into a temporary folder beside the final one, and move it there when complete."""
    source = debian_sources.main_source()
    if source is None or not shutil.which("apt-get"):
        raise BillingEnvError(
            f"{ODOO_PACKAGE} comes from a Debian mirror and this system has none configured: {WAY_OUT}."
        )
    for leftover in CACHE.glob("odoo-building-*"):
        shutil.rmtree(leftover)
    work = Path(tempfile.mkdtemp(prefix="odoo-building-", dir=CACHE))
    try:
        _download(source, work)
        tree = work / "tree"
        for package in sorted((work / "debs").glob("*.deb")):
            run_quietly(["dpkg-deb", "-x", package, tree], "unpack")
        for name in SUPERFLUOUS:
            shutil.rmtree(tree / PACKAGED_HOME.relative_to(TREE) / name, ignore_errors=True)
        shutil.rmtree(TREE, ignore_errors=True)
        tree.rename(TREE)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _download(source: debian_sources.Source, work: Path) -> None:
    """Fetch the packages, checked by apt, with an apt state of our own: the system's sources stay as they are."""
    own_release = debian_sources.codename() or "stable"
    options = _private_apt(work, [source.stanza(SUITE), source.stanza(own_release)])
    wanted = [f"{name}/{SUITE}" for name in (ODOO_PACKAGE, *LINKED_PACKAGES)]
    wanted += [f"{name}/{own_release}" for name in OWN_RELEASE_PACKAGES]
    debs = work / "debs"
    debs.mkdir()
    env = system_packages.apt_environment()
    try:
        run_quietly(["apt-get", *options, "update", "--error-on=any"], "odoo-index", env=env)
        run_quietly(["apt-get", *options, "download", *wanted], "odoo-download", env=env, cwd=debs)
    except QuietFailure as failure:
        raise _explain(failure) from failure


def _explain(failure: QuietFailure) -> BillingEnvError:
    """Tell a mirror that isn't reached from one that hasn't got the package any more."""
    told = failure.last_line("E:", "Err:")
    if found := GONE.search(failure.output):
        line = failure.output[found.start() :].splitlines()[0]
        return BillingEnvError(
            f"Debian's {SUITE} has no {ODOO_PACKAGE} any more, or not all it needs: {WAY_OUT} (apt said: {line})."
        )
    return BillingEnvError(
        f"could not download {ODOO_PACKAGE} from this machine's Debian mirror: check the network and run this again"
        f" (apt said: {told})."
    )


def _private_apt(work: Path, stanzas: Iterable[str]) -> list[str]:
    """Options that give apt its lists, cache and sources in ``work``."""
    for folder in ("lists/partial", "cache/archives/partial", "sources"):
        (work / folder).mkdir(parents=True)
    (work / "status").touch()
    (work / "sources" / "suites.sources").write_text("\n".join(stanzas))
    settings = {
        "Dir::State::lists": work / "lists",
        "Dir::State::status": work / "status",
        "Dir::Cache": work / "cache",
        "Dir::Etc::sourcelist": "/dev/null",
        "Dir::Etc::sourceparts": work / "sources",
        "Dir::Etc::preferences": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
        "Acquire::Retries": "1",
    }
    return [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
