from odoo.tools.sql import table_exists


def migrate(cr, version):
    """A call with the supplier's reference is known by that alone; of those imported twice the first keeps it."""
    if not table_exists(cr, "bfocused_usage_record"):
        return  # from before there were calls
    cr.execute("""
        WITH numbered AS (
            SELECT record.id, record.started_at, record.fingerprint,
                   hashtextextended(file.profile_id || '|' || record.reference, file.company_id) AS known_by,
                   row_number() OVER (PARTITION BY file.company_id, file.profile_id, record.reference
                                          ORDER BY record.id) AS time
              FROM bfocused_usage_record AS record
              JOIN bfocused_usage_file AS file ON file.id = record.file_id
             WHERE record.reference IS NOT NULL
        )
        UPDATE bfocused_usage_record AS record
           SET fingerprint = CASE WHEN numbered.time = 1 THEN numbered.known_by ELSE record.fingerprint END,
               reference = CASE WHEN numbered.time = 1 THEN record.reference END
          FROM numbered
         WHERE record.id = numbered.id
    """)
