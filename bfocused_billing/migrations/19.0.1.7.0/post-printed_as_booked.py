def migrate(cr, version):
    """What was posted by now is printed as before, whatever becomes of the settings."""
    cr.execute(
        """
        UPDATE account_move SET is_printed_as_booked = TRUE
          FROM res_company
         WHERE res_company.id = account_move.company_id AND res_company.use_billing
           AND account_move.state <> 'draft' AND account_move.move_type IN ('out_invoice', 'out_refund', 'out_receipt')
        """
    )
