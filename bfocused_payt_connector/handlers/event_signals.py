from ..const import SIGNAL_EVENTS
from . import lookup
from .payload import read_moment


def put_event_signal(backend, event):
    """Keep what only an event says: no record of PAYT's shows it.

    :param backend: ``payt.backend`` record
    :param event: the ``event`` of a webhook's body
    :return: ``payt.signal`` record; none for other events, and for a customer that isn't ours
    """
    signals = backend.env["payt.signal"].sudo()
    kind = SIGNAL_EVENTS.get(event.get("event_name"))
    if not kind:
        return signals
    context = event.get("context") or {}
    debtor = context.get("debtor") or {}
    move = lookup.get_move_of_event(backend, context)
    partner = move.commercial_partner_id or lookup.get_debtor(
        backend, debtor.get("id"), number=debtor.get("debtor_code")
    )
    moment = read_moment(event.get("event_time"))
    if not partner or not moment:
        return signals
    values = {"kind": kind, "partner_id": partner.id, "move_id": move.id, "moment": moment}
    return signals._put(backend, f"event {event['id']}", values)
