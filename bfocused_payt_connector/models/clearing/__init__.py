from . import (
    account_payment,
    payt_mirror_payments,
    payt_mirror_own,
    payt_mirror_reversals,
    payt_mirror_transactions,
    payment_return,
    payt_backend_money,
)
