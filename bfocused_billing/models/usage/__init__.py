"""Calls: the files of suppliers, what calls cost, and the specification on the invoice."""

from . import (
    account_move,
    mail_message,
    usage_destination,
    usage_file,
    usage_former,
    usage_number,
    usage_profile,
    usage_record,
    usage_refusal,
    usage_tariff,
    usage_tariff_rate,
    usage_unknown,
)
