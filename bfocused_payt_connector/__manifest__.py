{
    "name": "B/Focused PAYT Connector",
    "summary": "Sends invoices through PAYT and brings dunning, payments and chargebacks back",
    "version": "19.0.1.0.0",
    "development_status": "Alpha",
    "category": "Accounting/Accounting",
    "author": "B/Focused",
    "license": "AGPL-3",
    "depends": ["bfocused_billing"],
}
