def migrate(cr, version):
    """A B2B mandate that was collected on before is known to the customer's bank; the others wait for a person."""
    cr.execute(
        """
        UPDATE account_banking_mandate
           SET b2b_registered_date = last_debit_date
         WHERE scheme = 'B2B' AND state = 'valid' AND b2b_registered_date IS NULL
           AND last_debit_date IS NOT NULL AND last_debit_date <= CURRENT_DATE
        """
    )
