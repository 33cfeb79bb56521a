"""What a command says of its steps, on a terminal and in a log."""

import os
import pty
import re
import subprocess
import sys

SCRIPT = """
import time
from billing_env import progress
long, short = progress.Step("long work", 90), progress.Step("short work")
progress.plan([long, short], 100)
with progress.step(long):
    progress.tick()
with progress.step(short):
    progress.tick()
"""


def test_in_a_log_each_step_has_its_number_and_long_ones_tell_when_they_begin(commands):
    process = commands.python(SCRIPT)
    output, errors = process.communicate(timeout=20)
    assert output == "", "standard output is for results"
    lines = errors.splitlines()
    assert lines[0] == "2 steps, together some 1.5 minutes on a quiet machine."
    assert lines[1] == "[    begun] 1/2 long work, some 1.5 minutes"
    assert re.fullmatch(r"\[ +0\.\d s\] 1/2 long work", lines[2])
    assert re.fullmatch(r"\[ +0\.\d s\] 2/2 short work", lines[3])
    assert len(lines) == 4


def test_on_a_terminal_the_seconds_run_along(commands):
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT], env=commands.environment(PYTHONPATH="bin/lib"), stderr=theirs, cwd=os.getcwd()
    )
    os.close(theirs)
    assert process.wait(20) == 0
    shown = os.read(ours, 100_000).decode()
    os.close(ours)
    assert "\r[  0 s ...] 1/2 long work" in shown
    assert "begun" not in shown
    assert re.search(r"\[ +0\.\d s\] 1/2 long work\r\n", shown)


def test_a_step_that_fails_says_so(commands):
    process = commands.python(
        "from billing_env import progress\nwith progress.step(progress.Step('this')):\n    raise SystemExit(3)"
    )
    _output, errors = process.communicate(timeout=20)
    assert process.returncode == 3
    assert errors.strip().endswith("1/1 this  (not finished)")
