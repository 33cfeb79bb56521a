{
    "name": "B/Focused PAYT Connector",
    "summary": "Sends invoices through PAYT and brings dunning, payments and chargebacks back",
    "version": "19.0.1.1.0",
    "development_status": "Alpha",
    "category": "Accounting/Accounting",
    "author": "B/Focused",
    "license": "AGPL-3",
    "depends": ["bfocused_billing", "mail", "queue_job"],
    "data": [
        "security/ir.model.access.csv",
        "security/ir_rules.xml",
        "data/ir_cron.xml",
        "data/queue_job.xml",
        "views/payt_outbox_views.xml",
        "views/payt_backend_views.xml",
        "views/res_config_settings_views.xml",
        "views/oauth_templates.xml",
        "views/bfocused_payt_connector_menus.xml",
    ],
    "assets": {
        "web.assets_tests": ["bfocused_payt_connector/static/tests/tours/**/*"],
    },
}
