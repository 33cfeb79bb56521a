def migrate(cr, version):
    """Mandates that PAYT has know which debtor has them, for when customers are merged."""
    cr.execute(
        """
        UPDATE account_banking_mandate AS mandate
           SET payt_debtor_code = debtor.payt_debtor_number ->> mandate.company_id::text
          FROM res_partner AS partner
          JOIN res_partner AS debtor ON debtor.id = partner.commercial_partner_id
         WHERE partner.id = mandate.partner_id AND mandate.payt_state IN ('pushed', 'revoking')
        """
    )
