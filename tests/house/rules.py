"""The rules of the house that a program can check. Each yields one sentence a violation, which says what to do."""

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from .source import Addon, Method

MOST_LINES = 600  # of a file
DEFAULTS = ("default_", "search_default_")  # begin Odoo's keys for the values of new records and chosen filters
# the word that begins each context key of an add-on's own
PREFIXES = {"bfocused_billing": "billing_", "bfocused_payt_connector": "payt_"}


def find_doubles(addon: Addon) -> Iterator[str]:
    """A method of a model is defined once per add-on, so that no import list decides what runs first."""
    definitions: dict[tuple[str, str], list[Method]] = defaultdict(list)
    for method in addon.methods:
        definitions[method.model, method.name].append(method)
    for (model, name), methods in sorted(definitions.items()):
        if len(methods) > 1:
            places = " and ".join(f"{_tell(addon, method.path)}:{method.line}" for method in methods)
            yield (
                f"{model}.{name} is defined in {places}: keep one, in the room of the highest floor that has to do "
                "with it, and let it call the others as named steps."
            )


def find_long_files(paths: list[Path], root: Path) -> Iterator[str]:
    """A file can be read in one sitting."""
    for path in paths:
        count = len(path.read_text().splitlines())
        if count > MOST_LINES:
            yield (
                f"{path.relative_to(root)} has {count} lines, over {MOST_LINES}: find the second concept in it and "
                "give that a file of its own."
            )


def find_stairs_up(addon: Addon) -> Iterator[str]:
    """A room uses rooms before it in the table of contents: by its imports, and by the methods it calls."""
    floors = {room: floor for floor, room in enumerate(addon.rooms)}
    homes: dict[str, set[int]] = defaultdict(set)  # the floors on which a method of that name is defined
    elsewhere = set()  # names that are also those of Odoo's methods, or of plain classes and rooms we don't know
    for file in addon.files:
        room = addon.get_room(file.path)
        for method in file.methods:
            if method.is_upstream or room not in floors:
                elsewhere.add(method.name)
            else:
                homes[method.name].add(floors[room])
    for file in addon.files:
        room = addon.get_room(file.path)
        if room not in floors:
            continue
        for level, module, line in file.relative_imports:
            other = module.split(".")[0]
            if level == 2 and floors.get(other, -1) > floors[room]:
                yield (
                    f"{_tell(addon, file.path)}:{line} imports from {other}, which lies above {room}: move what it "
                    "needs down, or let the upper room do this."
                )
        for name, line in file.calls:
            if name not in elsewhere and homes.get(name) and min(homes[name]) > floors[room]:
                upper = addon.rooms[min(homes[name])]
                yield (
                    f"{_tell(addon, file.path)}:{line} calls {name}, which only {upper} has, above {room}: move it "
                    "down, let the upper room do this, or declare an empty hook for it in a mixin here."
                )


def find_unlisted_context_keys(addon: Addon, listed: set[str]) -> Iterator[str]:
    """A context key works from afar: it bears the add-on's prefix, and stands in the list of the readme."""
    for file in [*addon.files, *addon.xml_files]:
        for key, line in sorted(set(file.context_keys)):
            if key not in listed and not key.startswith(DEFAULTS):
                prefix = PREFIXES[addon.name]
                yield (
                    f"{_tell(addon, file.path)}:{line} uses the context key {key}: write a line about it in "
                    f"readme/DEVELOP.md, and let it begin with {prefix} unless it is Odoo's."
                )


def find_foreign_prefixes(listed: dict[str, bool]) -> Iterator[str]:
    """A key of our own begins with an add-on's prefix.

    :param listed: whether each listed key is our own
    """
    for key, is_own in sorted(listed.items()):
        if is_own and not key.startswith(tuple(PREFIXES.values())):
            yield f"the context key {key} is ours without the prefix of an add-on: rename it, or list it as Odoo's."


def find_dispatch_by_name(addon: Addon) -> Iterator[str]:
    """What is dispatched by name stands in a table, where an editor finds it."""
    for file in addon.files:
        for line in file.dispatches:
            yield f"{_tell(addon, file.path)}:{line} puts a method's name together: make a table of methods or classes."


def find_strangers(addon: Addon) -> Iterator[str]:
    """The rooms are those of the table of contents, and each model lies in one."""
    folder = addon.root / "models"
    for path in sorted(folder.iterdir()):
        if path.is_dir() and path.name != "__pycache__" and path.name not in addon.rooms:
            yield f"models/{path.name} isn't in the table of contents, models/__init__.py: put it on its floor there."
        if path.suffix == ".py" and path.name != "__init__.py":
            yield f"models/{path.name} lies in no room: move it into the room of its concept."


def find_untold_rooms(addon: Addon, readme: str) -> Iterator[str]:
    """The map in the README has a line for each room."""
    for room in addon.rooms:
        if not re.search(rf"^\| `{room}/` \|", readme, re.MULTILINE):
            yield f"{addon.name}/models/{room} isn't on the map of the README: add a line that says what lies there."


def _tell(addon: Addon, path: Path) -> str:
    return str(path.relative_to(addon.root.parent))
