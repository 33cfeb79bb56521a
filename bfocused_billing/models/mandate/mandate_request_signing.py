import hashlib
import json
import logging
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from io import BytesIO

from PIL import Image

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from odoo.addons.base_iban.models.res_partner_bank import normalize_iban, pretty_iban, validate_iban

from ...mandate_text import TEXT_VERSION, mandate_text, mandate_title

_logger = logging.getLogger(__name__)

MAX_SIGNATURE_BYTES = 512 * 1024  # a drawing of a large screen is some 40 kB
MAX_SIGNATURE_PIXELS = 4000 * 2000
# Lengths of pain.008: names 70, town 35
TEXT_LENGTHS = {"account_holder": 70, "signatory": 70, "signatory_role": 70, "place": 35}


class MandateRequest(models.Model):
    """What the customer fills in, the signature, and the form: empty, filled in or signed.

    The form is one A4 page, which needs nothing but itself to be rendered.
    """

    _inherit = "bfocused.mandate.request"

    # === ACTIONS

    def action_print(self):
        """The form as it is now, to be signed on paper."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_url",
            "url": f"/bfocused_billing/mandate_request/{self.id}/pdf",
            "target": "new",
        }

    @api.model
    def action_print_empty(self):
        """The form of the current company without a customer."""
        company = self.env.company
        url = f"/bfocused_billing/mandate_form/{company.id}/{company.mandate_scheme}"
        return {"type": "ir.actions.act_url", "url": url, "target": "new"}

    # === BUSINESS

    # --- details

    def _read_iban(self, text):
        """The account of an IBAN as typed.

        :return: dict with ``iban`` in groups of four, ``bic`` and ``bank_name``, both maybe empty
        :raise UserError: with what is wrong, for the customer
        """
        number = normalize_iban(text).upper()
        try:
            validate_iban(number)
        except ValidationError as error:
            raise UserError(
                self.env._("This IBAN isn't right. Check it for a typing error; it looks like NL91 ABNA 0417 1643 00.")
            ) from error
        group = self.company_id._get_mandate_country_group()
        if number[:2] not in self._get_iban_codes(group):
            raise UserError(self.env._("This IBAN is of a country outside the SEPA area: nothing can be collected."))
        bank = self.env["res.partner.bank"].sudo()._get_bank_from_iban(number)
        return {"iban": pretty_iban(number), "bic": bank.bic or "", "bank_name": bank.name or ""}

    def _get_iban_codes(self, group):
        """The first two letters of the IBANs of a group of countries."""
        return set(group.sudo().country_ids.mapped("code"))

    def _set_details(self, values):
        """Keep what the customer filled in, so that nothing is lost when the signature comes later.

        :param values: dict of texts: ``iban``, ``account_holder``, ``signatory``, ``signatory_role``, ``place``
        :raise UserError: with what is wrong, for the customer
        """
        self.ensure_one()
        texts = {name: " ".join((values.get(name) or "").split()) for name in TEXT_LENGTHS}
        missing = [name for name, text in texts.items() if not text]
        if missing:
            raise UserError(self.env._("Fill in all fields, please."))
        for name, text in texts.items():
            if len(text) > TEXT_LENGTHS[name]:
                raise UserError(
                    self.env._("At most %(number)s characters, please: %(text)s", number=TEXT_LENGTHS[name], text=text)
                )
        self.write({**texts, **self._read_iban(values.get("iban"))})

    def _set_signatory(self, name):
        """The name as it was signed with.

        :raise UserError: when there is none, or too much of it
        """
        name = " ".join((name or "").split()) if isinstance(name, str) else ""
        if not name or len(name) > TEXT_LENGTHS["signatory"]:
            raise UserError(
                self.env._("Fill in your name, please, in at most %s characters.", TEXT_LENGTHS["signatory"])
            )
        self.signatory = name

    def _has_details(self):
        return all(self[name] for name in (*TEXT_LENGTHS, "iban"))

    def _get_title(self):
        return mandate_title(self.scheme, self.lang)

    def _get_text(self):
        """The text to sign; of a signed one, the text that was signed."""
        return self.mandate_text or mandate_text(
            self.scheme, self.lang, self.company_id.name, self.prenotification_days
        )

    def _get_shown_terms(self):
        """What the page to sign shows and the document says, but for the name, which is given with the signature."""
        company = self.company_id
        return (
            self._get_title(),
            self._get_text(),
            self.scheme,
            self.reference,
            self.prenotification_days,
            self.iban,
            self.account_holder,
            self.signatory_role,
            self.place,
            self.partner_id.name,
            company.name,
            company._get_creditor_identifier(),
        )

    def _get_shown_digest(self):
        """A digest of what is shown, which comes back with the signature of it."""
        self.ensure_one()
        return hashlib.sha256(json.dumps(self._get_shown_terms()).encode()).hexdigest()

    # --- signing

    def _sign(self, signature, evidence, shown):
        """Sign the mandate: keep the proof, make the mandate, and send the document to the customer.

        :param signature: image in base64
        :param evidence: dict with ``ip`` and ``user_agent``
        :param shown: digest of what the signer was shown
        :raise UserError: with what is wrong, for the customer
        """
        self.ensure_one()
        self.lock_for_update()  # the same form signed twice at once makes one mandate
        self.invalidate_recordset()
        if self.state != "open" or not self._has_details():
            raise UserError(self.env._("This mandate can't be signed any more. Ask us for a new link."))
        if shown != self._get_shown_digest():
            raise UserError(self.env._("The form was changed; read it again."))
        self._check_signature(signature)
        signed_at = self._get_signing_time()
        self.write(self._prepare_proof(signature, evidence, signed_at))
        self._seal(self.with_context(billing_mandate_signed_at=signed_at)._render_pdf(), signed_at)
        self._close_others()
        self._make_mandate()
        self._send_signed()
        _logger.info("Mandate request %s was signed", self.id)

    def _close_others(self):
        """One signature answers all that was asked: what is open beside it could only replace it by accident."""
        self.search(self._get_open_domain(self.partner_id, self.company_id)).action_cancel()

    def _check_signature(self, signature):
        """:raise UserError: when it isn't an image of sensible size"""
        try:
            content = b64decode(signature or "", validate=True)
            if not content:
                raise UserError(self.env._("Draw or type your signature, please."))
            if len(content) > MAX_SIGNATURE_BYTES:
                raise UserError(self.env._("This signature is too large. Draw it again, please."))
            width, height = Image.open(BytesIO(content), formats=("PNG", "JPEG")).size
        except (Base64Error, OSError, TypeError, ValueError, Image.DecompressionBombError) as error:
            raise UserError(self.env._("This signature can't be read. Draw it again, please.")) from error
        if width * height > MAX_SIGNATURE_PIXELS:
            raise UserError(self.env._("This signature is too large. Draw it again, please."))

    def _keep_paper(self, content, date, **values):
        """Register a form that was signed on paper, and make its mandate.

        :param content: bytes of the scan
        :param date: day on which it was signed
        :param values: more of the mandate, such as ``last_debit_date``
        :raise UserError: when it was signed after today
        """
        self.ensure_one()
        now = self._get_signing_time()
        if date > self._get_local_date(now):
            raise UserError(self.env._("The day of signing is in the future."))
        self.write({"token_hash": False, "replaced_mandate_id": self._get_replaced().id, "signature_date": date})
        self._seal(content, now)
        self._make_mandate(**values)
        _logger.info("Mandate request %s was registered from paper", self.id)

    def _seal(self, content, signed_at):
        """Keep the document with its hash, and close the record: from here on nothing of it can be changed.

        :param content: bytes of the document
        :param signed_at: naive datetime in UTC
        """
        self.write({"pdf": b64encode(content), "pdf_sha256": hashlib.sha256(content).hexdigest()})
        self.write({"signed_at": signed_at, "state": "signed"})

    def _prepare_proof(self, signature, evidence, signed_at):
        return {
            "signature": signature,
            "signed_ip": evidence.get("ip"),
            "signed_user_agent": (evidence.get("user_agent") or "")[:500],
            "text_version": TEXT_VERSION,
            "mandate_text": self._get_text(),
            "token_hash": False,
            "replaced_mandate_id": self._get_replaced().id,
            "signature_date": self._get_local_date(signed_at),
        }

    def _get_signing_time(self):
        """Now, in UTC and whole seconds."""
        return fields.Datetime.now()

    # --- the mandate

    def _make_mandate(self, **values):
        """Make the mandate that was signed: valid at once, or after a check by staff where that is wanted.

        :param values: more of the mandate than stands on the form
        """
        # the day of signing, compared with today, is the company's: elsewhere it may be tomorrow already
        here = self.with_company(self.company_id).with_context(tz=self.company_id.billing_tz)
        prepared = here._prepare_mandate(here._get_bank_account())
        mandate = here.env["account.banking.mandate"].create({**prepared, **values})
        here.mandate_id = mandate
        if here.kind == "online" and here.company_id.mandate_staff_check:
            here._ask_for_check()
        else:
            mandate.validate()

    def _get_bank_account(self):
        """The customer's bank account of the IBAN; made, or taken out of the archive, where needed."""
        accounts = self.env["res.partner.bank"].with_context(active_test=False)
        number = normalize_iban(self.iban)
        account = accounts.search(
            [("partner_id", "=", self.partner_id.id), ("sanitized_acc_number", "=", number)], limit=1
        )
        if not account:
            return accounts.create(
                {"partner_id": self.partner_id.id, "acc_number": self.iban, "acc_holder_name": self.account_holder}
            )
        if not account.active:
            account.active = True
        return account

    def _get_replaced(self):
        """The mandate this one comes in the place of: the one that is valid until now."""
        present = self.partner_id._get_billing_mandate(self.company_id)
        return present if present.state == "valid" else present.browse()

    def _prepare_mandate(self, account):
        return {
            "unique_mandate_reference": self.reference,
            "company_id": self.company_id.id,
            "partner_bank_id": account.id,
            "format": "sepa",
            "type": "recurrent",
            "scheme": self.scheme,
            # Since November 2016 a first collection may be sent as a recurring one (T13).
            "recurrent_sequence_type": "recurring",
            "signature_date": self.signature_date,
            "replaced_mandate_id": self.replaced_mandate_id.id,
            "request_id": self.id,
            "state": "draft",
        }

    def _get_local_date(self, moment):
        """The day of a moment where the company is.

        :param moment: naive datetime in UTC
        """
        return fields.Datetime.context_timestamp(self.with_context(tz=self.company_id.billing_tz), moment).date()

    def _ask_for_check(self):
        user = self.partner_id._get_mandate_user(self.company_id)
        localized = self.with_context(lang=user.lang)
        self.mandate_id.activity_schedule(
            "mail.mail_activity_data_todo",
            summary=localized.env._("Check the signed mandate and validate it"),
            user_id=user.id,
        )

    def _send_signed(self):
        """Mail the customer the signed document."""
        if not self._get_email():
            return
        attachment = self.env["ir.attachment"].create(
            {"name": self.pdf_name, "raw": self._get_pdf_content(), "mimetype": "application/pdf"}
        )
        template = self.env.ref("bfocused_billing.mandate_signed_email")
        template.send_mail(self.id, email_values={"attachment_ids": attachment.ids})

    def _get_pdf_content(self):
        """The stored document as bytes."""
        return b64decode(self.with_context(bin_size=False).pdf or b"")

    # --- the form

    def _render_pdf(self):
        """The form of this request.

        :return: bytes of a PDF
        """
        self.ensure_one()
        return self._render_form(self._prepare_form())

    def _render_html(self, values):
        lang = values["lang"]
        return self.env["ir.qweb"].with_context(lang=lang)._render("bfocused_billing.mandate_form", values, lang=lang)

    def _render_form(self, values):
        # No style sheet, script or image comes from elsewhere, so rendering doesn't call this server again, which may
        # have no worker left to answer; and the same input always looks the same.
        return self.env["ir.actions.report"]._run_wkhtmltopdf(
            [str(self._render_html(values))],
            specific_paperformat_args={
                "data-report-margin-top": 12,
                "data-report-margin-bottom": 10,
                "data-report-header-spacing": 0,
                "data-report-dpi": 96,
            },
        )

    def _prepare_form(self):
        """What the form shows of this request."""
        return {
            **self._prepare_empty_form(self.company_id, self.scheme, self.lang),
            "doc": self.with_context(lang=self.lang),  # names of countries, whoever prints it
            "text": self._get_text(),
            "version": self.text_version or TEXT_VERSION,
            "signing_time": self.signed_at or self.env.context.get("billing_mandate_signed_at", False),
        }

    def _prepare_empty_form(self, company, scheme, lang):
        """What the form shows without a customer.

        :param company: ``res.company`` that collects
        :param scheme: ``CORE`` or ``B2B``
        :param lang: language code
        """
        blank = self.new({"company_id": company.id, "scheme": scheme, "lang": lang})
        blank.prenotification_days = company._get_pre_notification_days(company.billing_payment_mode_id)
        return {
            "doc": blank,
            "company": company.with_context(lang=lang),
            "creditor_identifier": company._get_creditor_identifier(),
            "title": mandate_title(scheme, lang),
            "text": blank._get_text(),
            "version": TEXT_VERSION,
            "signing_time": False,
            "lang": lang,
        }
