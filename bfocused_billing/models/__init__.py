from . import (
    settings,
    ledger,
    subscription,
    usage,
    source,
    run,
    deferral,
    sending,
    explanation,
    collection,
    mandate,
)
