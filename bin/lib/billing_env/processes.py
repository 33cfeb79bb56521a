"""Starting other programs: quietly with a log, or in the foreground with signals passed on."""

import ctypes
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from . import beside, progress
from .errors import BillingEnvError
from .paths import LOGS

# siginfo's si_code of a signal sent by the terminal driver (SI_KERNEL); such a signal reaches the child by itself
SENT_BY_KERNEL = 0x80
PR_SET_PDEATHSIG = 1  # <sys/prctl.h>
PASSED_ON = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}


class QuietFailure(BillingEnvError):
    """A quiet program failed; ``output`` is everything it wrote."""

    def __init__(self, sentence: str, output: str) -> None:
        super().__init__(sentence)
        self.output = output

    def last_line(self, *prefixes: str) -> str:
        """The last line of the output that tells something, preferably one that starts with a prefix."""
        lines = [line.strip() for line in self.output.splitlines() if line.strip()]
        told = [line for line in lines if line.startswith(prefixes)] if prefixes else []
        return (told or lines or ["no output"])[-1]


def run_quietly(
    command: Sequence[str | os.PathLike],
    log_name: str,
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
) -> None:
    """Run a program with its output in ``.cache/logs/<log_name>.log``.

    :raise QuietFailure: when it ends with an error.
    """
    LOGS.mkdir(parents=True, exist_ok=True)
    log_path = LOGS / f"{log_name}.log"
    with open(log_path, "w") as log:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=pass_fds,
            preexec_fn=_die_with_parent,
        )
        try:
            code = _wait_with_progress(process)
        except BaseException:
            stop(process)
            raise
    if code:
        raise QuietFailure(f"{Path(command[0]).name} failed, see {log_path}.", log_path.read_text(errors="replace"))


_libc = ctypes.CDLL(None)


def _die_with_parent() -> None:
    """Runs in the new process: ask the kernel for SIGTERM when we are killed, so that nothing goes on unattended."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _wait_with_progress(process: subprocess.Popen) -> int:
    while True:
        beside.check()
        try:
            return process.wait(0.5)
        except subprocess.TimeoutExpired:
            progress.tick()


def stop(process: subprocess.Popen, patience: float = 10.0) -> None:
    """End a program we started: politely, and after ``patience`` seconds for good."""
    process.terminate()
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def start_in_background(command: Sequence[str | os.PathLike], *, cwd: Path | None = None) -> subprocess.Popen:
    """Start a program that works for us until we stop it; we read its standard output.

    Ctrl-C doesn't reach it: what needs it is stopped first.
    """
    beside.finish()
    return subprocess.Popen(
        command,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=_die_with_parent,
    )


def run_in_foreground(
    command: Sequence[str | os.PathLike],
    *,
    env: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
    cwd: Path | None = None,
    stdout: int | None = None,
) -> int:
    """Run a program as if it were us: it has our terminal and gets our signals.

    Ctrl-C reaches the program from the terminal itself, so only signals sent to us by another process are passed on:
    Odoo takes a second SIGINT as "stop at once".

    :param stdout: file descriptor of its standard output, ours by default.
    :return: its exit code, 128 + n when signal n ended it.
    """
    beside.finish()  # it may need everything
    waited_for = PASSED_ON | {signal.SIGCHLD}
    previous_mask = signal.pthread_sigmask(signal.SIG_BLOCK, waited_for)

    def prepare_child() -> None:
        _die_with_parent()
        # the child inherits blocked signals: it has to get its own back
        signal.pthread_sigmask(signal.SIG_SETMASK, previous_mask)

    try:
        process = subprocess.Popen(
            command,
            env=env,
            cwd=cwd,
            stdout=stdout,
            pass_fds=pass_fds,
            preexec_fn=prepare_child,
        )
        while process.poll() is None:
            received = signal.sigwaitinfo(waited_for)
            if received.si_signo in PASSED_ON and received.si_code != SENT_BY_KERNEL:
                process.send_signal(received.si_signo)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, previous_mask)
    return process.returncode if process.returncode >= 0 else 128 - process.returncode
