"""A worker that empties the outbox and may be killed at a step of it.

Arguments: database, step; empty: nothing happens to it.
"""

import os
import signal
import sys

import payt_session
import session

STEPS = {
    "taken": "_take_batch",
    "answered": "_send",
    "recorded": "_send_batch",
    "next enqueued": "_enqueue_rest",
}


def strike_after(env, step):
    cls, method = env.registry["payt.outbox"], STEPS[step]
    original = getattr(cls, method)

    def struck(self, *arguments):
        original(self, *arguments)
        self.env.flush_all()
        print("STRUCK", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(cls, method, struck)


def main(database, step):
    payt_session.configure(database)
    with session.environment(database) as env:
        payt_session.stub(env)
        if step:
            strike_after(env, step)
        payt_session.work(env)


main(*sys.argv[1:])
