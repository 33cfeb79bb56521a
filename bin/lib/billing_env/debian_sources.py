"""Reading the machine's own apt sources, to reach another suite of the same mirror in a private apt state."""

import platform
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

APT_FOLDER = Path("/etc/apt")


@dataclass(frozen=True)
class Source:
    """One configured package source: its addresses, suites, and how its signature is checked."""

    uris: str
    suites: tuple[str, ...]
    components: tuple[str, ...]
    signed_by: str  # a file, key ids or a whole key (then over several lines); empty: apt's general keys

    def stanza(self, suite: str) -> str:
        """The same source for another suite, in the deb822 form of ``*.sources`` files."""
        lines = ["Types: deb", f"URIs: {self.uris}", f"Suites: {suite}", "Components: main"]
        if self.signed_by:
            lines.append(f"Signed-By: {self.signed_by}")
        return "\n".join(lines) + "\n"


def codename() -> str:
    """The release's name, such as the one Debian 12 has; empty on a system that tells none."""
    try:
        return platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    except OSError:
        return ""


def main_source(apt_folder: Path = APT_FOLDER) -> Source | None:
    """The configured source of the machine's own release, or nothing."""
    suites = {codename(), "stable", "oldstable"} - {""}
    for source in _sources(apt_folder):
        if suites & set(source.suites) and "main" in source.components:
            return source
    return None


def _sources(apt_folder: Path) -> Iterator[Source]:
    parts = apt_folder / "sources.list.d"
    for path in sorted(parts.glob("*.sources")):
        yield from parse_deb822(path.read_text())
    for path in [apt_folder / "sources.list", *sorted(parts.glob("*.list"))]:
        if path.is_file():
            yield from parse_one_line(path.read_text())


def parse_deb822(text: str) -> Iterator[Source]:
    """Sources of a ``*.sources`` file: stanzas of ``Field: value``, continued on indented lines."""
    for stanza in text.split("\n\n"):
        fields: dict[str, str] = {}
        field = ""
        for line in stanza.splitlines():
            if line.startswith("#") or not line.strip():
                continue
            if line[0] in " \t":
                fields[field] = f"{fields.get(field, '')}\n{line}"
            else:
                field, _colon, value = line.partition(":")
                field = field.strip().lower()
                fields[field] = value.strip()
        if "deb" in fields.get("types", "").split() and fields.get("enabled", "yes").lower() != "no":
            yield Source(
                uris=fields.get("uris", ""),
                suites=tuple(fields.get("suites", "").split()),
                components=tuple(fields.get("components", "").split()),
                signed_by=fields.get("signed-by", ""),
            )


def parse_one_line(text: str) -> Iterator[Source]:
    """Sources of a ``sources.list``: ``deb [option=value ...] uri suite component ...``."""
    for line in text.splitlines():
        words = line.partition("#")[0].replace("[", " [ ").replace("]", " ] ").split()
        if not words or words.pop(0) != "deb":
            continue
        options: dict[str, str] = {}
        if words and words[0] == "[":
            end = words.index("]")
            options = dict(word.partition("=")[::2] for word in words[1:end])
            words = words[end + 1 :]
        if len(words) >= 3:
            signed_by = options.get("signed-by", "").replace(",", " ")
            yield Source(uris=words[0], suites=(words[1],), components=tuple(words[2:]), signed_by=signed_by)
