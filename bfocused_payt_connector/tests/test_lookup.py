"""Whose invoice is it at PAYT: one answer, for following and for comparing."""

from odoo.tests import tagged

from ..comparison import Comparer
from ..const import READ_RESOURCES
from ..handlers import HANDLERS, lookup
from .test_dunning import DunningCase


@tagged("post_install", "-at_install")
class TestLookup(DunningCase):
    def setUp(self):
        super().setUp()
        self.move = self.make_sent_invoice()
        self.pull()
        self.row = self.get_rows(resource="invoices").sudo()

    def is_ours(self, **values):
        record = {**self.row.payload, **values}
        return self.find(record) == {record["id"]: self.move}

    def find(self, record):
        return lookup.find_moves(self.backend, {record["id"]: record})

    def test_each_resource_has_a_handler(self):
        self.assertEqual(tuple(HANDLERS), READ_RESOURCES)

    def test_the_number_alone_is_not_enough(self):
        foreign = {"id": "90002", "invoice_identifier": "77", "total_amount": "1.23"}
        self.assertFalse(self.is_ours(**foreign))
        self.assertFalse(self.is_ours(**{**foreign, "invoice_identifier": None}))
        self.assertTrue(self.is_ours(**{**foreign, "total_amount": self.row.payload["total_amount"]}))
        self.assertTrue(self.is_ours(**{**foreign, "invoice_identifier": str(self.move.id)}))

    def test_without_its_number_it_is_not_ours(self):
        for number in (None, "", "OTHER-1"):
            self.assertFalse(self.is_ours(invoice_number=number), number)

    def test_what_was_followed_before_stays_ours(self):
        changed = {"invoice_identifier": "OLD-77", "total_amount": "1.23"}
        self.assertTrue(self.is_ours(**changed))
        self.row.write({"model": False, "res_id": False})
        self.assertFalse(self.is_ours(**changed))

    def test_the_list_of_deleted_ones(self):
        deleted = {"id": "90002", "invoice_number": self.move.name, "deleted_at": "2026-11-01T10:00:00Z"}
        self.assertFalse(self.find(deleted))
        self.assertFalse(self.find({**deleted, "origin_identifier": "77"}))
        self.assertFalse(self.find({**deleted, "invoice_number": "OTHER-1", "origin_identifier": str(self.move.id)}))
        self.assertTrue(self.find({**deleted, "origin_identifier": str(self.move.id)}))
        self.assertTrue(self.find({**deleted, "id": self.row.payt_id}))

    def test_another_sender_s_invoice_is_not_compared_with_ours(self):
        foreign = {"id": "90002", "invoice_identifier": "77", "total_amount": "1.23", "open_amount": "1.23"}
        record = {**self.row.payload, **foreign}
        comparer = Comparer(self.backend)
        findings = comparer.compare_invoices([record], comparer.find_moves([record]))
        self.assertEqual([(finding.kind, finding.move_id) for finding in findings], [("missing_in_odoo", None)])
