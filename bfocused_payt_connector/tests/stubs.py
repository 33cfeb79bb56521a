"""What the outbox wants of a record, in its simplest form, for tests of the outbox alone."""

from unittest.mock import patch


class Recorded:
    """What the outbox told the records."""

    def __init__(self):
        self.taken = []
        self.refused = []


def stub_partners(case, backend):
    """Let partners be contacts whose payload is their name, whatever else they are in this database.

    :return: what they were told
    """
    recorded = Recorded()

    def prepare(partner, _backend):
        if partner.name == "Nothing":
            return None
        if partner.name == "Trouble":
            raise ZeroDivisionError
        return {"contact_identifier": key(partner), "lastname": partner.name}

    def key(partner):
        return partner.ref or f"C{partner.id}"

    methods = {
        "_get_payt_backend": lambda partner: backend,
        "_prepare_payt_contact": prepare,
        "_get_payt_key_contact": key,
        "_payt_taken_contact": lambda partner, _backend, answer: recorded.taken.append((partner.id, answer)),
        "_payt_refused_contact": lambda partner, _backend, reasons: recorded.refused.append((partner.id, reasons)),
    }
    partners = type(case.env["res.partner"])
    for name, method in methods.items():
        stub = patch.object(partners, name, method, create=True)
        stub.start()
        case.addCleanup(stub.stop)
    return recorded
