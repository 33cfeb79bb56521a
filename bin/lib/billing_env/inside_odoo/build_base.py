"""``build_base.py DATABASE MODULE,...``: fill an empty database with Odoo, Dutch accounting and our company.

The modules are those our add-ons depend on; the add-ons themselves come later, in ``build_template.py``, because they
change more often. So do the web client's assets, which our add-ons are part of.
"""

import base64
import io
import sys
import time
from pathlib import Path

import session
from PIL import Image, ImageDraw, ImageFont

import odoo.addons

COMPANY = {
    "name": "B/Focused ICT Services",
    "street": "Voorbeeldlaan 10",
    "zip": "2718 AB",
    "city": "Zoetermeer",
    "vat": "NL812345678B01",
    "company_registry": "27312345",
    "phone": "+31 79 312 3456",
    "email": "administratie@bfocused.example",
    "website": "https://www.bfocused.example",
}
IBAN = "NL20INGB0001234567"
BANK = {"name": "ING Bank N.V.", "bic": "INGBNL2A"}
SEPA_CREDITOR_IDENTIFIER = "NL43ZZZ273123450000"
DUTCH = "nl_NL"
# left out of Debian's package for its licence; the missing file is an error in the browser
MISSING_SCRIPT = "mail/static/lib/selfie_segmentation/selfie_segmentation.js"


def main(database: str, modules: list[str]) -> None:
    session.configure(database)
    _timed("Odoo's base", lambda: session.install(database, ["base"]))
    with session.environment(database) as env:
        prepare(env)
    _timed("accounting, sales and the OCA add-ons", lambda: session.install(database, modules))
    with session.environment(database) as env:
        _timed("Dutch accounting and the company", lambda: complete(env))


def prepare(env) -> None:
    """Settle what the modules look at while they are installed: the country chooses the chart of accounts."""
    env["res.lang"]._activate_and_install_lang(DUTCH)
    env.ref("base.EUR").position = "before"  # the Dutch write € 66,67
    env.company.write({"country_id": env.ref("base.nl").id, "currency_id": env.ref("base.EUR").id})
    env.ref("base.user_admin").write({"lang": "en_US", "tz": "Europe/Amsterdam"})


def complete(env) -> None:
    """The company's identity, its bank account, and the settings our databases share."""
    company = env.company
    if company.chart_template != "nl":
        env["account.chart.template"].try_loading("nl", company)
    company.write(COMPANY)
    if "sepa_creditor_identifier" in company:
        company.sepa_creditor_identifier = SEPA_CREDITOR_IDENTIFIER
    _give_bank_account(env)
    _lay_out_documents(env)
    parameters = env["ir.config_parameter"]
    parameters.set_param("report.print_delay", "0")  # 1000 ms by default, for reports with scripts; we have none
    parameters.set_param("web.base.url", "http://localhost:8069")
    parameters.set_param("web.base.url.freeze", "True")
    # it reports to Odoo's maker once a week
    env.ref("mail.ir_cron_module_update_notification").active = False
    _leave_out_missing_script(env)


def _give_bank_account(env) -> None:
    bank = env["res.bank"].search([("bic", "=", BANK["bic"])], limit=1) or env["res.bank"].create(BANK)
    journal = env["account.journal"].search([("type", "=", "bank"), ("company_id", "=", env.company.id)], limit=1)
    journal.set_bank_account(IBAN, bank.id)
    journal.bank_account_id.allow_out_payment = True


def _lay_out_documents(env) -> None:
    """Letterhead: a logo, and a footer with what Dutch law wants on an invoice (KvK and btw numbers)."""
    company = env.company
    company.external_report_layout_id = env.ref("web.external_layout_standard")
    company.logo = base64.b64encode(_logo("B/Focused"))
    registrations = [f"KvK {company.company_registry}", f"btw {company.vat}", f"IBAN {IBAN}"]
    contact = [company.name, company.phone, company.email]
    company.report_footer = "".join(f"<p>{' · '.join(line)}</p>" for line in (contact, registrations))


def _logo(text: str) -> bytes:
    """A PNG with just the name in it."""
    picture = Image.new("RGBA", (720, 240), (255, 255, 255, 0))
    ImageDraw.Draw(picture).text((0, 10), text, fill=(20, 60, 110, 255), font=ImageFont.load_default(size=120))
    content = io.BytesIO()
    _left, _top, right, _bottom = picture.getbbox()
    picture.crop((0, 0, right, picture.height)).save(content, "PNG")  # documents scale it to one height
    return content.getvalue()


def _leave_out_missing_script(env) -> None:
    if any((Path(folder) / MISSING_SCRIPT).exists() for folder in odoo.addons.__path__):
        return
    env["ir.asset"].create(
        {
            "name": "Left out of this Odoo package: selfie segmentation",
            "bundle": "web.assets_backend",
            "directive": "remove",
            "path": MISSING_SCRIPT,
        }
    )


def _timed(what: str, work) -> None:
    """Do ``work`` and say how many seconds it took; the caller shows these lines."""
    started = time.monotonic()
    work()
    print(f"STEP {time.monotonic() - started:.1f} {what}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2].split(","))
