"""The rules of the house hold (``README.md``, "The house"); and each rule finds what breaks it."""

import re
import subprocess
from pathlib import Path

import pytest

from . import rules
from .source import Addon

CHECKOUT = Path(__file__).resolve().parents[2]
ADDONS = [Addon(CHECKOUT / name) for name in rules.PREFIXES]
DEVELOP = CHECKOUT / "bfocused_billing" / "readme" / "DEVELOP.md"


def get_listed_keys():
    """The context keys of the readme page, each with whether it is our own."""
    page = DEVELOP.read_text()
    own, _heading, others = page.partition("## Context keys\n")[2].partition("### Odoo's\n")
    return {
        key: text is own for text in (own, others) for key in re.findall(r"^\| `(\w+)` \|", text, flags=re.MULTILINE)
    }


def assert_none(sentences):
    found = list(sentences)
    assert not found, "\n" + "\n".join(found)


per_addon = pytest.mark.parametrize("addon", ADDONS, ids=lambda addon: addon.name)


@per_addon
def test_a_method_of_a_model_is_defined_once(addon):
    assert_none(rules.find_doubles(addon))


@per_addon
def test_rooms_use_earlier_rooms_only(addon):
    assert_none(rules.find_stairs_up(addon))


@per_addon
def test_each_model_lies_in_a_room_that_the_table_of_contents_names(addon):
    assert_none(rules.find_strangers(addon))


@per_addon
def test_each_room_is_on_the_map(addon):
    assert_none(rules.find_untold_rooms(addon, (CHECKOUT / "README.md").read_text()))


@per_addon
def test_each_context_key_is_listed(addon):
    assert_none(rules.find_unlisted_context_keys(addon, set(get_listed_keys())))


def test_context_keys_of_ours_have_the_prefix_of_an_addon():
    assert_none(rules.find_foreign_prefixes(get_listed_keys()))


@per_addon
def test_no_method_is_called_by_a_name_that_is_put_together(addon):
    assert_none(rules.find_dispatch_by_name(addon))


def test_no_file_is_longer_than_one_sitting():
    tracked = subprocess.run(
        ["git", "ls-files", "*.py", "*.js", "bfocused_*/*.xml", "bin"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert_none(rules.find_long_files([CHECKOUT / name for name in sorted(set(tracked.stdout.split()))], CHECKOUT))


# === The rules themselves


@pytest.fixture
def make_addon(tmp_path):
    """An add-on of two rooms, ``ground`` and ``upper``, with the files given."""

    def make(**files):
        for name, text in {"models/__init__": "from . import (\n    ground,\n    upper,\n)\n", **files}.items():
            path = tmp_path / "bfocused_billing" / f"{name}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return Addon(tmp_path / "bfocused_billing")

    return make


MODEL = 'class A(models.Model):\n    _inherit = "a.b"\n\n'


def test_a_second_definition_is_found_and_a_hook_of_a_mixin_is_none(make_addon):
    twice = {
        "models/ground/a": MODEL + "    def _do(self):\n        return 1 + 1\n",
        "models/upper/a": MODEL + "    def _do(self):\n        return super()._do()\n",
    }
    [sentence] = rules.find_doubles(make_addon(**twice))
    assert "a.b._do" in sentence and "models/ground/a.py:4" in sentence and "models/upper/a.py:4" in sentence
    hook = (
        MODEL.replace("models.Model", "models.AbstractModel").replace('_inherit = "a.b"', '_name = "a.b.hooks"')
        + '    def _do(self):\n        """What upper adds."""\n        return []\n'
    )
    assert not list(rules.find_doubles(make_addon(**{**twice, "models/ground/a": hook})))


def test_a_step_up_is_found_in_imports_and_calls(make_addon):
    files = {
        "models/upper/a": MODEL + "    def _up(self):\n        return self._down()\n",
        "models/ground/a": MODEL + "    def _down(self):\n        return 1\n",
    }
    assert not list(rules.find_stairs_up(make_addon(**files)))
    calls = files["models/ground/a"].replace("return 1", "return self._up()")
    [sentence] = rules.find_stairs_up(make_addon(**{**files, "models/ground/a": calls}))
    assert "calls _up, which only upper has" in sentence
    imports = "from ..upper.a import A\n" + files["models/ground/a"]
    [sentence] = rules.find_stairs_up(make_addon(**{**files, "models/ground/a": imports}))
    assert "imports from upper" in sentence


def test_a_method_of_odoo_may_be_called_from_below(make_addon):
    files = {
        "models/upper/a": MODEL + "    def _post(self):\n        # EXTENDS 'account'\n        return super()._post()\n",
        "models/ground/a": MODEL + "    def _down(self):\n        return self._post()\n",
    }
    assert not list(rules.find_stairs_up(make_addon(**files)))


def test_context_keys_are_found_wherever_they_are_read_or_set(make_addon):
    body = (
        '    def _do(self):\n        self.env.context.get("one")\n        "two" in self.env.context\n'
        '        self.env.context["three"]\n        self.with_context(four=True)\n        context.get("none")\n'
    )
    addon = make_addon(**{"models/ground/a": MODEL + body})
    view = "<field context=\"{'five': 1, 'default_name': 2}\" invisible=\"context.get('six')\"/>"
    (addon.root / "view.xml").write_text(view)
    found = list(rules.find_unlisted_context_keys(addon, {"three"}))
    assert [re.search(r"key (\w+)", sentence)[1] for sentence in found] == ["four", "one", "two", "five", "six"]


def test_long_files_and_strangers_are_found(make_addon):
    addon = make_addon(**{"models/attic/a": MODEL, "models/loose": MODEL, "models/ground/a": "\n" * 601})
    assert len(list(rules.find_strangers(addon))) == 2
    assert len(list(rules.find_long_files([file.path for file in addon.files], addon.root))) == 1
    assert len(list(rules.find_untold_rooms(addon, "| `ground/` | what is low |\n"))) == 1


def test_a_name_put_together_is_found(make_addon):
    body = '    def _do(self, kind):\n        getattr(self, f"_do_{kind}")()\n        getattr(self, "name")\n'
    assert len(list(rules.find_dispatch_by_name(make_addon(**{"models/ground/a": MODEL + body})))) == 1
