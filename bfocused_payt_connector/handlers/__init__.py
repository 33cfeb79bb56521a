"""What each of PAYT's records does in Odoo: a class per kind, in the order in which they refer to each other."""

from .credit_cases import CreditCasesHandler
from .debtors import DebtorsHandler
from .invoices import InvoicesHandler
from .payment_plans import PaymentPlansHandler
from .payments import PaymentsHandler
from .psp_mandates import PspMandatesHandler
from .psp_transactions import PspTransactionsHandler
from .signals import MessagesHandler, NotesHandler, NotificationsHandler

HANDLERS = {
    handler.resource: handler
    for handler in (
        DebtorsHandler,
        PspMandatesHandler,
        InvoicesHandler,
        CreditCasesHandler,
        PaymentsHandler,
        PspTransactionsHandler,
        PaymentPlansHandler,
        NotificationsHandler,
        NotesHandler,
        MessagesHandler,
    )
}
