from . import (
    connection,
    outbox,
    outgoing,
    incoming,
    dunning,
    clearing,
    monitoring,
)
