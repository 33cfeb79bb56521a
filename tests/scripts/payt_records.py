"""Real records that have to reach PAYT, and what happens to them later; or the comparison of both sides.

Arguments: ``make`` address administration token; ``make_to_play`` address administration token: twelve invoices of four
customers that PAYT has, and the clearing journal; ``make_for_a_person`` address administration, secrets of the client
and of webhooks: nobody granted access yet; ``change``: a mandate ends and an invoice is disputed; ``resume``: the
dispute ends; ``compare``: end with an error where PAYT and Odoo differ.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(os.environ["BFOCUSED_CHECKOUT"]) / "bin" / "lib"))
import payt_compare
import payt_hand_over
import payt_session

from odoo import Command

env = env  # noqa: F821, PLW0127
IBANS = ("NL91ABNA0417164300", "NL20INGB0001234567")


def make(url, administration_id, token):
    payt_hand_over.connect(env, {"url": url, "administration_id": administration_id, "token": token})
    make_all()


def make_to_play(url, administration_id, token):
    backend = payt_hand_over.connect(env, {"url": url, "administration_id": administration_id, "token": token})
    env.company.use_billing = True
    backend.action_make_journal()
    for field, code in (("costs_account_id", "880001"), ("interest_account_id", "880002")):
        backend[field] = env["account.account"].create({"name": field, "code": code, "account_type": "income"})
    customers = [make_customer(f"K{number}", IBANS[number % 2]) for number in range(4)]
    for number in range(12):
        make_invoice(customers[number % 4])._queue_payt_invoices()
    env.cr.commit()
    payt_session.work(env)


def make_for_a_person(url, administration_id, client_secret, webhook_secret):
    payt_hand_over.connect(env, {"url": url, "administration_id": administration_id, "token": False}).write(
        {
            "auth_method": "refresh_token",
            "client_id": "sandbox-client",
            "client_secret": client_secret,
            "webhook_secret": webhook_secret,
        }
    )
    make_all()


def make_all():
    env.company.use_billing = True
    for number, iban in enumerate(IBANS, start=1):
        customer = make_customer(f"K{number}", iban)
        make_invoice(customer)._queue_payt_invoices()


def make_customer(ref, iban):
    netherlands = env.ref("base.nl").id
    values = {"name": f"Klant {ref}", "ref": ref, "country_id": netherlands, "email": f"{ref}@klant.example"}
    customer = env["res.partner"].create({**values, "is_company": True})
    account = env["res.partner.bank"].create({"partner_id": customer.id, "acc_number": iban})
    mandate = {"partner_bank_id": account.id, "company_id": env.company.id, "unique_mandate_reference": f"M-{ref}"}
    env["account.banking.mandate"].create({**mandate, "signature_date": "2025-01-01", "state": "valid"})
    return customer


def make_invoice(customer):
    """Posted, with its documents made."""
    line = {"name": "Glasvezel", "price_unit": 100.0, "tax_ids": [Command.set(env.company.account_sale_tax_id.ids)]}
    values = {"move_type": "out_invoice", "partner_id": customer.id, "invoice_date": "2026-01-05"}
    move = env["account.move"].create({**values, "invoice_line_ids": [Command.create(line)]})
    move.action_post()
    for field, content in (("invoice_pdf_report_file", "%PDF-1.4 {}"), ("ubl_cii_xml_file", "<Invoice>{}</Invoice>")):
        owner = {"res_model": move._name, "res_id": move.id, "res_field": field}
        env["ir.attachment"].create({**owner, "name": f"{move.id}-{field}", "raw": content.format(move.id).encode()})
    move.invalidate_recordset()
    return move


def change():
    env["account.banking.mandate"].search([("unique_mandate_reference", "=", "M-K2")]).cancel()
    get_disputed()._payt_block("betwist")


def resume():
    get_disputed().action_payt_resume()


def get_disputed():
    return env["account.move"].search([("partner_id.ref", "=", "K1"), ("move_type", "=", "out_invoice")])


def compare():
    url = env["payt.backend"].search([]).base_url
    found = payt_compare.compare(env, payt_compare.fetch(url))["differences"]
    states = set(env["payt.outbox"].search([]).mapped("state"))
    if states - {"sent", "cancelled"}:
        found.append(f"the outbox has {states}")
    if found:
        sys.exit("\n".join(found))


STEPS = {step.__name__: step for step in (make, make_to_play, make_for_a_person, change, resume, compare)}
STEPS[sys.argv[1]](*sys.argv[2:])
