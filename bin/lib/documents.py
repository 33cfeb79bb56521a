"""Makes the documents of invoices, as a process beside the one that sends them (see ``payt_hand_over.Documents``).

Runs inside Odoo (the name ``env`` is given). Each line of standard input is the job to do next; the answer is the same
line on standard output. The end of standard input ends it.
"""

import os
import sys

import payt_hand_over
from psycopg2.errors import SerializationFailure

TRIES = 5


def make(env, uuid):
    """Do the job; once more, as the job runner would, when the other process wrote the same record."""
    for tries_left in reversed(range(TRIES)):
        env.cr.rollback()  # to see what was committed since
        env.registry.check_signaling()
        try:
            payt_hand_over.perform_each(env, [uuid])
            return
        except SerializationFailure:
            if not tries_left:
                raise


answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
sys.stdout = sys.stderr  # whatever Odoo prints is no answer
for line in sys.stdin:
    make(env, line.strip())  # noqa: F821
    print(line.strip(), file=answers, flush=True)
