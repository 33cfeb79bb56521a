"""Webhooks at the same moment, in transactions of their own: what a single test transaction can't show."""

from .processes import database, run_script


def test_webhooks_at_the_same_moment_are_kept_once_and_disturb_nobody():
    with database("payt-webhooks") as (cluster, name):
        run_script(cluster, name, "webhooks_together.py")
