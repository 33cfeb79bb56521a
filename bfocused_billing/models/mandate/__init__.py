"""Direct-debit mandates: asking, signing, proof and expiry, and what may not go on without one (R1)."""

from . import (
    account_banking_mandate,
    account_move,
    ir_attachment,
    mandate_action_mixin,
    mandate_attempt,
    mandate_event,
    mandate_request,
    mandate_request_signing,
    payment_transaction,
    res_company,
    res_partner,
    res_partner_bank,
    sale_order,
    sale_order_line,
    sale_subscription,
    sale_subscription_stage,
)
