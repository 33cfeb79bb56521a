from unittest.mock import patch

from odoo import SUPERUSER_ID
from odoo.tests import tagged

from ..payt_api import PaytClient, backoff
from .common import SandboxMixin
from .data_common import PaytDataCase


class PullCase(SandboxMixin, PaytDataCase):
    """A company whose invoices are at the sandbox: what happens there is read from there."""

    @classmethod
    def make_backend(cls):
        """Each test has a sandbox and a connection of its own."""

    def setUp(self):
        super().setUp()
        self.backend.psp_provider = "mollie"
        self.env.flush_all()
        self.registry_enter_test_mode()

    # === TO PAYT

    def push(self):
        """Empty the outbox."""
        outbox = self.env["payt.outbox"].with_user(SUPERUSER_ID)
        for _batch in range(50):
            if outbox._get_due_rank(self.backend) is None:
                return
            outbox._job_empty(self.backend.id)
        self.fail("The outbox doesn't get empty.")

    def make_invoice_at_payt(self, *prices, **values):
        move = self.make_invoice(*prices, **values)
        self.send(move, sending_methods=["payt"])
        self.push()
        self.assertEqual(move.payt_state, "pushed", move.payt_message)
        return move

    # === FROM PAYT

    def pull(self):
        """Read all lists to their ends, and follow what was read."""
        for mark in self.env["payt.sync.mark"].with_user(SUPERUSER_ID)._get_marks(self.backend):
            while mark._read():
                pass
        self.follow()

    def follow(self):
        mirror = self.env["payt.mirror"].with_user(SUPERUSER_ID)
        for _batch in range(50):
            if not mirror.search_count(mirror._get_due_domain(self.backend)):
                return
            self.keep_statistics()
            mirror._job_apply(self.backend.id)
        self.fail("There is always something to follow.")

    def get_rows(self, *, resource=None, **fields):
        domain = [("backend_id", "=", self.backend.id), *((name, "=", value) for name, value in fields.items())]
        return self.env["payt.mirror"].search(domain + ([("resource", "=", resource)] if resource else []))


@tagged("post_install", "-at_install")
class TestPull(PullCase):
    def test_an_invoice_knows_its_id_and_page_at_payt(self):
        move = self.make_invoice_at_payt()
        self.pull()
        [theirs] = [one for one in self.sandbox.state()["invoices"] if one["invoice_number"] == move.name]
        self.assertEqual(move.payt_invoice_id, str(theirs["id"]))
        self.assertTrue(move.payt_url)

    def test_reading_again_changes_nothing(self):
        self.make_invoice_at_payt()
        self.pull()
        before = self.get_rows().read(["checksum", "done_at", "state"])
        self.pull()
        self.assertEqual(self.get_rows().read(["checksum", "done_at", "state"]), before)
        self.assertEqual(set(self.get_rows().mapped("state")), {"done"})

    def read_list(self, resource):
        mark = self.env["payt.sync.mark"].with_user(SUPERUSER_ID)._get_marks(self.backend)
        mark = mark.filtered(lambda one: one.resource == resource and not one.is_deleted)
        mark._job_read()
        return mark

    def test_a_list_that_payt_cannot_give_says_so_and_is_asked_for_again(self):
        self.make_invoice_at_payt()
        self.enterContext(patch.object(backoff.Backoff, "pause", lambda *arguments: None))
        self.sandbox.fail("error", path="/v1/invoices", method="GET")
        mark = self.read_list("invoices")
        self.assertTrue(mark.error)
        self.assertFalse(mark.mark)
        again = self.env["queue.job"].sudo().search([("identity_key", "like", f"connector.read.{mark.id}")])
        self.assertTrue(again.eta)
        self.read_list("invoices")
        self.assertFalse(mark.error)
        self.assertTrue(mark.mark)

    def test_a_permission_that_is_missing_stops_the_connection_and_is_told(self):
        self.sandbox.fail("forbidden", path="/v1/invoices", method="GET")
        self.read_list("invoices")
        self.assertTrue(self.backend.paused)
        self.assertTrue(self.backend.activity_ids)

    def test_a_list_of_exactly_the_pages_of_a_job_is_read_to_its_end(self):
        for _invoice in range(3):
            self.make_invoice_at_payt()
        mark = self.env["payt.sync.mark"].with_user(SUPERUSER_ID)._get_marks(self.backend)
        mark = mark.filtered(lambda one: one.resource == "invoices" and not one.is_deleted)
        iter_pages = PaytClient.iter_pages
        by_one = lambda client, resource, **options: iter_pages(client, resource, per_page=1, **options)  # noqa: E731
        with patch.object(PaytClient, "iter_pages", by_one):
            self.assertTrue(mark._read(pages=3), "the last page has a cursor too")
            self.assertFalse(mark.mark)
            self.assertFalse(mark._read(pages=3))
        self.assertTrue(mark.mark)
        self.assertFalse(mark.cursor)
        self.assertEqual(len(self.get_rows(resource="invoices")), 3)

    def test_what_payt_says_is_no_change_by_hand_and_costs_little(self):
        moves = self.env["account.move"].union(*(self.make_invoice_at_payt() for _number in range(3)))
        self.env.cr.execute("UPDATE account_move SET is_manually_modified = false WHERE id IN %s", [tuple(moves.ids)])
        self.env.invalidate_all()
        self.pull()
        self.assertEqual(moves.mapped("is_manually_modified"), [False] * 3)
        self.assertTrue(all(moves.mapped("payt_invoice_id")))

    def test_what_is_not_odoos_is_done_at_once(self):
        move = self.make_invoice_at_payt()
        store = self.sandbox.world.store
        record = store.invoices.by("invoice_number", move.name)
        for number in ("OLD-1", "OLD-2"):
            foreign = {"invoice_number": number, "invoice_identifier": number, "_payment_ids": []}
            store.invoices.add({**record, **foreign})
        self.pull()
        rows = self.get_rows(resource="invoices")
        self.assertEqual(rows.mapped("state"), ["done"] * 3)
        self.assertEqual([row.res_id for row in rows if row.res_id], [move.id])
        self.assertTrue(all(rows.mapped("done_at")))
