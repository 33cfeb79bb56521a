"""How a command fails: one sentence that says what to do."""


class BillingEnvError(Exception):
    """A failure the user can do something about; its text is the one sentence shown."""


class Terminated(BaseException):
    """SIGTERM or SIGHUP arrived: unwind, so that everything begun is cleaned up, and leave.

    Like KeyboardInterrupt it is no Exception, so that no handler of ordinary errors swallows it.
    """

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.exit_code = 128 + signal_number
