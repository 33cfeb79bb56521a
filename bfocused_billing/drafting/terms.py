"""The terms of an invoice: what must be the same for charges to share one. Plain Python, no model."""

from typing import NamedTuple


class InvoiceTerms(NamedTuple):
    """What has to be the same for charges to share an invoice; database ids, ``False`` where there is none.

    This is the one place that reads them from a draft, a subscription, an order or a customer (R3).
    """

    partner_id: int
    currency_id: int
    payment_mode_id: int = False
    mandate_id: int = False
    fiscal_position_id: int = False
    journal_id: int = False
    purpose: str = ""  # what the invoice is kept for; empty for the customer's common one

    def nets_with(self, other):
        """Whether what is given back on these terms can be set off on an invoice of the others.

        With what the invoice is collected makes no difference: of a credit nothing is.

        :param other: InvoiceTerms, the journal filled in
        """
        return self == other._replace(payment_mode_id=self.payment_mode_id, mandate_id=self.mandate_id)

    @classmethod
    def of_draft(cls, move, mandate, purpose=""):
        """The terms of a draft invoice.

        :param move: ``account.move``
        :param mandate: the mandate it is collected with today, which may have been replaced since it was made
        :param purpose: what it is kept for
        """
        return cls(
            partner_id=move.partner_id.id,
            currency_id=move.currency_id.id,
            payment_mode_id=move.payment_mode_id.id,
            mandate_id=mandate.id,
            fiscal_position_id=move.fiscal_position_id.id,
            journal_id=move.journal_id.id,
            purpose=purpose,
        )

    @classmethod
    def of_subscription(cls, subscription, position):
        """The terms on which a subscription is invoiced.

        :param subscription: ``sale.subscription``
        :param position: its fiscal position, its own or the one Odoo finds
        """
        return cls(
            partner_id=subscription._get_billing_partner().id,
            currency_id=subscription.currency_id.id,
            payment_mode_id=subscription._get_billing_payment_mode().id,
            mandate_id=subscription._get_billing_mandate().id,
            fiscal_position_id=position.id,
            journal_id=subscription.journal_id.id,
        )

    @classmethod
    def of_order(cls, order, position):
        """The terms on which what is due of an order is invoiced.

        :param order: ``sale.order``
        :param position: its fiscal position, its own or the one Odoo finds
        """
        return cls(
            partner_id=order.partner_invoice_id.id,
            currency_id=order.currency_id.id,
            payment_mode_id=order._get_billing_payment_mode().id,
            mandate_id=order._get_billing_mandate().id,
            fiscal_position_id=position.id,
            journal_id=order.journal_id.id,
            purpose=order.partner_invoice_id.sudo(False)._get_order_purpose(order.company_id),
        )

    @classmethod
    def of_customer(cls, partner, currency, payment_mode, mandate, position):
        """The customer's own terms, for what belongs to no subscription and no order."""
        return cls(
            partner_id=partner.id,
            currency_id=currency.id,
            payment_mode_id=payment_mode.id,
            mandate_id=mandate.id,
            fiscal_position_id=position.id,
        )

    @classmethod
    def without_invoice(cls, partner, currency):
        """The terms of what can't be invoiced, only told: to whom, and in which currency its amounts are."""
        return cls(partner_id=partner.id, currency_id=currency.id)
