from openupgradelib import openupgrade

RENAMED_FIELDS = [
    ("account.move", "account_move", "billing_state", "deferral_state"),
    ("account.move", "account_move", "collection_state", "reversal_state"),
    ("res.company", "res_company", "usage_tz", "billing_tz"),
]
MODELS_OF_VIEWS = ("account.move", "res.company", "res.config.settings", "bfocused.payment.reversal")


@openupgrade.migrate()
def migrate(env, version):
    """Three fields got the names of what they tell; saved filters, exports and views follow."""
    openupgrade.rename_fields(env, RENAMED_FIELDS)
    for _model, _table, old, new in RENAMED_FIELDS:
        # the first view of a form that is loaded is checked together with those that aren't loaded anew yet
        env.cr.execute(
            """
            UPDATE ir_ui_view
               SET arch_db = regexp_replace(arch_db::text, %(word)s, %(new)s, 'g')::jsonb
             WHERE model IN %(models)s AND arch_db::text ~ %(word)s
            """,
            {"word": rf"\m{old}\M", "new": new, "models": MODELS_OF_VIEWS},
        )
