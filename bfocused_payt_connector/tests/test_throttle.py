from odoo.tests import tagged

from ..payt_api.wire import REQUEST_INTERVAL_SECONDS
from .common import PaytCase


@tagged("post_install", "-at_install")
class TestThrottle(PaytCase):
    def setUp(self):
        super().setUp()
        self.slots = self.env["payt.throttle"]

    def test_slots_of_a_token_lie_apart_and_those_of_another_do_not_matter(self):
        waits = [self.slots._reserve("one") for _ in range(5)]
        self.assertEqual(waits[0], 0)
        self.assertGreater(waits[4], 3 * REQUEST_INTERVAL_SECONDS)
        self.assertLessEqual(waits[4], 4 * REQUEST_INTERVAL_SECONDS)
        self.assertEqual(self.slots._reserve("other"), 0)

    def test_after_a_429_everybody_waits_and_a_shorter_pause_changes_nothing(self):
        self.slots._hold("one", 60)
        self.slots._hold("one", 1)
        self.assertGreater(self.slots._reserve("one"), 58)

    def test_the_row_does_not_tell_the_token(self):
        self.backend._get_throttle().wait()
        keys = self.slots.search([]).mapped("key")
        self.assertTrue(keys)
        self.assertNotIn(self.sandbox.token, "".join(keys))

    def test_two_companies_with_the_same_token_share_its_slots(self):
        elsewhere = self.env["res.company"].create({"name": "Second"})
        twin = self.backend.copy({"company_id": elsewhere.id, "access_token": self.backend.access_token})
        self.assertEqual(twin._get_throttle_key(), self.backend._get_throttle_key())
        twin.access_token = "another"
        self.assertNotEqual(twin._get_throttle_key(), self.backend._get_throttle_key())
