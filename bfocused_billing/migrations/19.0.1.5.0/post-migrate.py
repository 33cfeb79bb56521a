def migrate(cr, version):
    """The link in the mail for a mandate has another name in the context; a company may have changed that mail."""
    cr.execute("""
        UPDATE mail_template
           SET body_html = regexp_replace(body_html::text, '\\m(mandate_url)\\M', 'billing_mandate_url', 'g')::jsonb
         WHERE body_html::text ~ '\\mmandate_url\\M'
    """)
