from . import (
    usage_destination,
    usage_tariff,
    usage_tariff_rate,
    usage_profile,
    usage_number,
    usage_file,
    usage_former,
    usage_refusal,
    usage_record,
    usage_unknown,
    account_move_usage,
)
