"""Reading the machine's apt sources in both of their forms."""

import pytest
from billing_env import debian_sources

DEB822 = """\
# made by the installer
Types: deb deb-src
URIs: https://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian.gpg

Types: deb
URIs: https://mirror.example/other
Suites: bookworm
Components: main
Enabled: no
"""

INLINE_KEY = """\
Types: deb
URIs: https://mirror.example/debian
Suites: trixie
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mDMEY865UxYJKwYBBAHaRw8BAQdAd7Z0srwuhlB6JKFkcf4HU4SSS
 -----END PGP PUBLIC KEY BLOCK-----
"""

ONE_LINE = """\
# deb https://mirror.example/disabled bookworm main
deb-src https://mirror.example/debian bookworm main
deb [arch=amd64 signed-by=/usr/share/keyrings/debian.gpg] https://mirror.example/debian bookworm main # ours
"""


def test_deb822_stanzas():
    (source,) = debian_sources.parse_deb822(DEB822)
    assert source.uris == "https://mirror.example/debian"
    assert source.suites == ("bookworm", "bookworm-updates")
    assert source.signed_by == "/usr/share/keyrings/debian.gpg"


def test_an_inline_key_is_carried_over_whole():
    (source,) = debian_sources.parse_deb822(INLINE_KEY)
    (again,) = debian_sources.parse_deb822(source.stanza("sid"))
    assert again.suites == ("sid",)
    assert again.signed_by == source.signed_by
    assert "-----END PGP" in again.signed_by


def test_one_line_sources():
    (source,) = debian_sources.parse_one_line(ONE_LINE)
    assert source.uris == "https://mirror.example/debian"
    assert source.suites == ("bookworm",)
    assert source.components == ("main",)
    assert source.signed_by == "/usr/share/keyrings/debian.gpg"


@pytest.mark.parametrize(("file_name", "text"), [("debian.sources", DEB822), ("old.list", ONE_LINE)])
def test_the_source_of_this_release_is_found(tmp_path, monkeypatch, file_name, text):
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list.d" / file_name).write_text(text)
    monkeypatch.setattr(debian_sources, "codename", lambda: "bookworm")
    assert debian_sources.main_source(tmp_path).uris == "https://mirror.example/debian"


def test_a_system_without_debian_sources(tmp_path):
    assert debian_sources.main_source(tmp_path) is None
