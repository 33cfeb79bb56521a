from odoo import Command
from odoo.tests import HttpCase, new_test_user, tagged

from .test_comparison import ComparisonCase


@tagged("post_install", "-at_install")
class TestBrowserBack(ComparisonCase, HttpCase):
    """What came back from PAYT, as the people who bill see it."""

    registry_test_mode = False  # each test enters it, see PullCase

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        new_test_user(
            cls.env,
            "payt_clerk",
            "bfocused_billing.group_billing_manager,account.group_account_invoice,base.group_partner_manager",
            company_id=cls.company.id,
            company_ids=[Command.set(cls.company.ids)],
        )

    def start(self, path, tour):
        self.env.flush_all()
        self.start_tour(path, tour, login="payt_clerk")
        self.env.invalidate_all()

    def test_the_timeline_of_an_invoice_and_the_customer_in_collection(self):
        move = self.make_invoice_at_payt()
        self.sandbox.play("send", invoice=move.name)
        self.sandbox.play("remind", invoice=move.name)
        self.sandbox.play("collection", invoice=move.name, interest="2.50")
        self.sandbox.play("bailiff", invoice=move.name)
        self.pull()
        self.start(f"/odoo/action-account.action_move_out_invoice_type/{move.id}", "bfocused_payt_timeline")
        self.start(
            f"/odoo/action-account.res_partner_action_customer/{move.commercial_partner_id.id}",
            "bfocused_payt_customer",
        )

    def test_a_difference_is_mended_with_its_button(self):
        move = self.make_invoice_at_payt()
        self.pull()
        self.backend.action_make_journal()
        self.sandbox.play("pay", invoice=move.name)
        self.compare()
        difference = self.get_differences()
        self.start("/odoo/action-bfocused_payt_connector.payt_difference_action", "bfocused_payt_mend")
        self.follow()
        self.assertEqual(move.amount_residual, 0.0)
        self.assert_solved(difference)
        self.start("/odoo/action-bfocused_payt_connector.payt_health_check_action", "bfocused_payt_health")
