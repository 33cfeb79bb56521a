"""Run with ``env``: export the texts of add-ons, merge them into their translations, and name what has none.

Arguments: the folders ``i18n`` of the add-ons.
"""

import sys
from pathlib import Path

import polib

from odoo.tools.translate import trans_export


def update(env, folder: Path) -> list[str]:
    """Bring the files of one add-on up to date.

    :return: a sentence for each text without translation
    """
    template = folder / f"{folder.parent.name}.pot"
    with template.open("wb") as target:
        trans_export(None, [folder.parent.name], target, "po", env)
    lacking = []
    for path in sorted(folder.glob("*.po")):
        merged = merge(polib.pofile(str(template)), polib.pofile(str(path)))
        merged.save(str(path))
        lacking += [f"{path.relative_to(folder.parents[1])}: {entry.msgid!r}" for entry in merged if not entry.msgstr]
    return lacking


def merge(template: polib.POFile, translated: polib.POFile) -> polib.POFile:
    """:return: the texts of ``template`` with the translations and the header of ``translated``"""
    known = {entry.msgid: entry.msgstr for entry in translated}
    for entry in template:
        entry.msgstr = known.get(entry.msgid, "")
    dates = {name: date for name, date in template.metadata.items() if name.endswith("-Date")}
    template.header, template.metadata = translated.header, {**translated.metadata, **dates}
    return template


if __name__ == "__main__":
    found = [sentence for folder in sys.argv[1:] for sentence in update(globals()["env"], Path(folder))]
    print("\n".join(found) or "Each text has its translation.")
    sys.exit(1 if found else 0)
