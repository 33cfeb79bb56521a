from openupgradelib import openupgrade

RENAMED_FIELDS = [
    ("account.move", "account_move", "billing_state", "deferral_state"),
    ("account.move", "account_move", "collection_state", "reversal_state"),
    ("res.company", "res_company", "usage_tz", "billing_tz"),
]


@openupgrade.migrate()
def migrate(env, version):
    """Three fields got the names of what they tell; saved filters and exports follow."""
    openupgrade.rename_fields(env, RENAMED_FIELDS)
