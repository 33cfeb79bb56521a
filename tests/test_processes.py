"""What the tests of several processes stand on: forks of a loaded Odoo are processes of their own."""

import signal

from odoo.tests import TransactionCase, tagged

from .processes import check, database, start

WHO = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'"
PROGRAM = """
import os, signal, sys, time
import session
from odoo.modules.registry import Registry

session.configure(sys.argv[1])
with session.environment(sys.argv[1]) as env:
    assert env.cr.dbname == sys.argv[1] and len(Registry.registries) == 1
    env.cr.execute("SELECT pg_backend_pid()")
    print(os.getpid(), env.cr.fetchone()[0], env.company.name, file=sys.stderr, flush=True)
    if sys.argv[2] == "wait":
        time.sleep(60)
    if sys.argv[2] != "end":
        sys.exit(sys.argv[2])
"""


@tagged("post_install", "-at_install")
class TestNothing(TransactionCase):
    def test_a_class_ends_the_children_of_its_process_and_not_the_fork_server(self):
        with database("forks") as (cluster, name):
            assert cluster.sql(WHO, database=name) == [["1"]]


def test_a_fork_has_a_connection_of_its_own_ends_as_a_program_does_and_can_be_killed(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    with database("forks") as (cluster, name):
        told = [check(start(cluster, program, name, "end")).split() for _number in range(2)]
        assert told[0][0] != told[1][0] and told[0][1] != told[1][1]
        failed = start(cluster, program, name, "it failed")
        assert failed.communicate(60)[1].endswith("it failed\n")
        assert failed.returncode == 1
        waiting = start(cluster, program, name, "wait")
        assert waiting.poll() is None
        waiting.kill()
        waiting.communicate(60)
        assert waiting.returncode == -signal.SIGKILL
        assert check(start(cluster, program, name, "end"))
