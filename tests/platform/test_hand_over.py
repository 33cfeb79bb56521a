"""The order in which ``bin/demo`` hands over: documents are made beside the sending, in batches of the same content."""

import payt_hand_over


class World:
    """Jobs as a list of (method, uuid), and what was done with them in order."""

    def __init__(self, monkeypatch, jobs):
        self.jobs, self.done, self.outbox = list(jobs), [], []
        monkeypatch.setattr(payt_hand_over, "find_jobs", self.find)
        monkeypatch.setattr(payt_hand_over, "perform_each", self.perform)
        self.cr = self

    def __getitem__(self, _model):
        return self

    def _cron_empty(self):
        if self.outbox and not self.find(self, "_job_empty"):
            self.jobs.append(("_job_empty", "empty"))

    def search(self, *_arguments, **_options):
        return self

    @property
    def resource(self):
        return "invoice" if "customers" not in self.outbox else "debtor"

    def commit(self):
        pass

    def rollback(self):
        pass

    def find(self, _env, method):
        return [uuid for name, uuid in self.jobs if name == method]

    def perform(self, _env, uuids):
        for uuid in uuids:
            self.jobs = [job for job in self.jobs if job[1] != uuid]
            if uuid == "empty":
                self.done.append(("sent", *self.outbox))
                self.outbox.clear()
            else:
                self.outbox.append(uuid)

    # === as a process that makes documents

    def begin(self, uuid):
        self.done.append(("begun", uuid))
        self._begun = uuid

    def wait(self):
        self.perform(self, [self._begun])
        self.done.append(("made", self._begun))


def test_a_batch_is_sent_while_the_next_documents_are_made(monkeypatch):
    world = World(
        monkeypatch, [("_job_send", "january"), ("_job_send", "february"), ("_job_hand_to_payt", "customers")]
    )

    worked = list(payt_hand_over.work_off_beside(world, world))

    assert world.done == [
        ("sent", "customers"),
        ("begun", "january"),
        ("made", "january"),
        ("begun", "february"),
        ("sent", "january"),
        ("made", "february"),
        ("sent", "february"),
    ]
    assert worked == [
        ("_job_hand_to_payt", 1),
        ("_job_empty", 1),
        ("_job_send", 1),
        ("_job_empty", 1),
        ("_job_send", 1),
        ("_job_empty", 1),
    ]
    assert world.jobs == []
