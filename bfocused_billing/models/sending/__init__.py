from . import (
    account_edi_common,
    account_edi_xml_ubl_bis3,
    account_move_send,
    account_move_sending,
    account_move_ubl,
    res_partner_registration,
)
