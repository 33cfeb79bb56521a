import io
import re
from pathlib import Path

import polib

from odoo.tests import TransactionCase, tagged
from odoo.tools.translate import trans_export

CHECKOUT = Path(__file__).resolve().parents[1]
PLACEHOLDER = re.compile(r"%\(\w+\)[sdf]|%[sd]|\{\{.*?\}\}")


@tagged("post_install", "-at_install")
class TestTranslations(TransactionCase):
    def test_each_text_is_exported_and_has_dutch(self):
        for addon in ("bfocused_billing", "bfocused_payt_connector"):
            with self.subTest(addon):
                buffer = io.BytesIO()
                trans_export(None, [addon], buffer, "po", self.env)
                texts = {entry.msgid for entry in polib.pofile(buffer.getvalue().decode())}
                exported = {entry.msgid for entry in self.read(addon, f"{addon}.pot")}
                dutch = {entry.msgid for entry in self.read(addon, "nl.po") if entry.msgstr}
                self.assertEqual(texts, exported, "the texts have changed: run bin/i18n")
                self.assertFalse(texts - dutch, "without Dutch: write it into i18n/nl.po")

    def test_dutch_has_the_placeholders_of_its_english(self):
        for addon in ("bfocused_billing", "bfocused_payt_connector"):
            for entry in self.read(addon, "nl.po"):
                english, dutch = (sorted(PLACEHOLDER.findall(text)) for text in (entry.msgid, entry.msgstr))
                self.assertEqual(english, dutch, entry.msgid)

    @staticmethod
    def read(addon, name):
        return polib.pofile(str(CHECKOUT / addon / "i18n" / name))
