"""Sending: invoices by e-mail or Peppol, in jobs of their own, and what an electronic invoice holds."""

from . import (
    account_edi_common,
    account_edi_xml_cii_facturx,
    account_edi_xml_ubl_bis3,
    account_move,
    account_move_send,
    account_tax,
    res_partner,
)
