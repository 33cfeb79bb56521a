"""Where the money that PAYT collected is booked: the clearing journal, payments and payment returns."""

from . import (
    account_payment,
    payment_return,
    payt_backend,
    payt_mirror,
    payt_reversal,
)
