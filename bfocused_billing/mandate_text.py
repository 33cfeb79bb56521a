"""The text of a SEPA direct-debit mandate: who is authorised to do what, and the debtor's rights.

The rulebooks prescribe what it says (European Payments Council, EPC392-08, "Guidelines for the appearance of mandates
for the SDD Core and SDD B2B schemes"), and creditors may design the form themselves. CORE follows the wording that
Dutch banks publish ("Doorlopende machtiging SEPA", the green card of the standard forms) and the guidelines' English
one. For B2B no Dutch text of a bank could be found; it says what the guidelines want in words that payment service
providers publish. None of it is a certified copy: have the creditor's bank look at the form before it is used.

It is part of what is signed, so it is no translatable text of a screen: a change is a new :data:`TEXT_VERSION`, which
each signed mandate names.
"""

TEXT_VERSION = "SDD 2026-1"

TITLES = {
    ("CORE", "nl"): "Doorlopende machtiging SEPA",
    ("B2B", "nl"): "Doorlopende machtiging bedrijven SEPA (B2B)",
    ("CORE", "en"): "SEPA Direct Debit Mandate",
    ("B2B", "en"): "SEPA Business-to-Business Direct Debit Mandate",
}

_AUTHORISATION = {
    "nl": (
        "Door ondertekening van dit formulier geeft u toestemming aan {creditor} om doorlopende incasso-opdrachten te "
        "sturen naar uw bank om een bedrag van uw rekening af te schrijven en aan uw bank om doorlopend een bedrag van "
        "uw rekening af te schrijven overeenkomstig de opdracht van {creditor}."
    ),
    "en": (
        "By signing this mandate form, you authorise (A) {creditor} to send instructions to your bank to debit your "
        "account and (B) your bank to debit your account in accordance with the instructions from {creditor}."
    ),
}

_RIGHTS = {
    ("CORE", "nl"): (
        "Als u het niet eens bent met deze afschrijving kunt u deze laten terugboeken. Neem hiervoor binnen 8 weken "
        "na afschrijving contact op met uw bank. Vraag uw bank naar de voorwaarden."
    ),
    ("CORE", "en"): (
        "As part of your rights, you are entitled to a refund from your bank under the terms and conditions of your "
        "agreement with your bank. A refund must be claimed within 8 weeks starting from the date on which your "
        "account was debited. Your rights are explained in a statement that you can obtain from your bank."
    ),
    ("B2B", "nl"): (
        "Deze machtiging is uitsluitend bedoeld voor incasso's tussen bedrijven. Nadat het bedrag van uw rekening is "
        "afgeschreven heeft u geen recht om het te laten terugboeken. U heeft wel het recht om uw bank te vragen het "
        "bedrag niet af te schrijven, tot en met de dag van de afschrijving. Uw bank kan u uitleg geven over uw "
        "rechten. Laat deze machtiging vóór de eerste incasso registreren bij uw bank."
    ),
    ("B2B", "en"): (
        "This mandate is only intended for business-to-business transactions. You are not entitled to a refund from "
        "your bank after your account has been debited, but you are entitled to request your bank not to debit your "
        "account up until the day on which the payment is due. Your rights are explained in a statement that you can "
        "obtain from your bank. Have this mandate registered at your bank before the first collection."
    ),
}

_NOTICE = {
    "nl": "Wij kondigen elke incasso minimaal {days} kalenderdagen van tevoren aan, bijvoorbeeld op de factuur.",
    "en": "We announce each collection at least {days} calendar days in advance, for instance on the invoice.",
}


def text_language(lang):
    """The language of the text for a user's language code: Dutch where it is Dutch, English for all others."""
    return "nl" if (lang or "").startswith("nl") else "en"


def mandate_title(scheme, lang):
    """The heading of the form.

    :param scheme: ``CORE`` or ``B2B``
    :param lang: language code such as ``nl_NL``
    """
    return TITLES[scheme, text_language(lang)]


def mandate_text(scheme, lang, creditor, days):
    """The text that is signed, its paragraphs separated by an empty line.

    :param scheme: ``CORE`` or ``B2B``
    :param lang: language code such as ``nl_NL``
    :param creditor: name of the company that collects
    :param days: calendar days between the announcement of a collection and the collection
    """
    language = text_language(lang)
    authorisation = _AUTHORISATION[language].format(creditor=creditor)
    parts = (
        f"{authorisation.rstrip('.')}.",  # a name such as "X B.V." ends the sentence itself
        _RIGHTS[scheme, language],
        _NOTICE[language].format(days=days),
    )
    return "\n\n".join(parts)
