from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged

from .data_common import PaytDataCase


@tagged("post_install", "-at_install")
class TestWhoMay(PaytDataCase):
    """The portal, other companies and people without billing rights."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.move = cls.make_pushed_invoice()
        cls.elsewhere = cls.env["res.company"].create({"name": "Ergens anders"})
        cls.stranger = new_test_user(
            cls.env,
            "stranger",
            groups="bfocused_billing.group_billing_manager",
            company_id=cls.elsewhere.id,
            company_ids=[Command.set(cls.elsewhere.ids)],
        )
        cls.portal = new_test_user(cls.env, "portal_jansen", groups="base.group_portal")
        cls.portal.partner_id.parent_id = cls.customer
        cls.move.message_subscribe(cls.portal.partner_id.ids)
        cls.clerk = new_test_user(
            cls.env,
            "clerk",
            groups="bfocused_billing.group_billing_user",
            company_id=cls.company.id,
            company_ids=[Command.set(cls.company.ids)],
        )

    def try_all(self, user):
        move = self.move.with_user(user)
        for act in (
            lambda: move.action_payt_retry(),
            lambda: move.action_payt_resume(),
            lambda: self.env["payt.block"].with_user(user).create({"move_id": move.id, "reason": "x"}).action_block(),
            lambda: self.customer.with_user(user).action_payt_debtor_retry(),
        ):
            with self.assertRaises(UserError):
                act()

    def test_the_portal_changes_nothing_at_payt(self):
        self.try_all(self.portal)
        with self.assertRaises(AccessError):
            self.env["payt.go.live"].with_user(self.portal).create({})
        self.assertFalse(self.get_rows(self.move))

    def test_the_portal_does_not_read_what_is_said_about_the_customer(self):
        move = self.move.with_user(self.portal)
        self.assertTrue(move.read(["payt_state"]))
        for record, name in ((move, "payt_message"), (move, "payt_block_reason")):
            with self.assertRaises(AccessError):
                record.read([name])

    def test_another_company_changes_nothing_at_payt(self):
        move = self.move.with_user(self.stranger)
        with self.assertRaises(AccessError):
            move.action_payt_retry()
        with self.assertRaises(AccessError):
            self.env["payt.block"].with_user(self.stranger).create({"move_id": move.id, "reason": "x"}).action_block()
        self.assertFalse(self.get_rows(self.move))

    def test_a_go_live_of_another_company_is_closed(self):
        wizard = self.env["payt.go.live"].create({"company_id": self.company.id})
        with self.assertRaises(AccessError):
            wizard.with_user(self.stranger).action_preview()

    def test_only_managers_hand_over(self):
        with self.assertRaises(AccessError):
            self.env["payt.go.live"].with_user(self.clerk).create({})

    def test_a_clerk_can_do_the_work(self):
        move = self.make_invoice(post=False).with_user(self.clerk)
        move.action_post()
        self.send(move)
        self.assert_put(move.sudo(), "invoice")
        self.refuse(move.sudo(), "invoice", "Debtor not found")
        move.action_payt_retry()
        block = self.env["payt.block"].with_user(self.clerk).create({"move_id": self.move.id, "reason": "x"})
        block.action_block()
        self.assert_put(self.move, "invoice_block")
        self.move.with_user(self.clerk).action_payt_resume()

    def test_a_shared_customer_goes_to_each_company_that_has_it(self):
        other = self.env["payt.backend"].create(
            {"name": "PAYT 2", "company_id": self.elsewhere.id, "administration_id": "82"}
        )
        for company in (self.company, self.elsewhere):
            partner = self.customer.with_company(company)
            partner._queue_payt_debtor()
            partner.payt_debtor_state = "pushed"
        self.clear_outbox()
        self.customer.name = "Bakkerij De Wit"
        rows = self.get_rows(self.customer, "debtor")
        self.assertEqual(rows.backend_id, self.backend | other)
        self.assertEqual(len(rows), 2)

    def test_an_invoice_s_views_open_for_a_clerk_and_an_accountant_without_billing(self):
        for groups in ("bfocused_billing.group_billing_user", "account.group_account_invoice"):
            with self.subTest(groups=groups):
                user = new_test_user(self.env, groups, groups=groups, company_id=self.company.id)
                for model in ("account.move", "res.partner"):
                    self.env[model].with_user(user).get_views([(False, "form"), (False, "list"), (False, "search")])
