from odoo import fields, models

from ...payt_api.throttle import next_slot

LOCK = "LOCK TABLE payt_throttle IN SHARE ROW EXCLUSIVE MODE"


class PaytThrottle(models.Model):
    """The moments at which requests may leave, shared by all workers: PAYT takes ten a second per token.

    Each use is a short transaction of its own. Locking the table, which holds a row per token, is what comes first:
    under REPEATABLE READ it is the one lock that can be waited for without reading yesterday's row afterwards.
    """

    _name = "payt.throttle"
    _description = "PAYT Request Slots"

    key = fields.Char(required=True, readonly=True)
    free_from = fields.Float(required=True, digits=None, readonly=True, help="Seconds since 1970.")

    _key_uniq = models.Constraint("UNIQUE(key)", "A token has one row.")

    def _reserve(self, key):
        """Take the next slot of a token for good.

        :param key: stands for the token, without telling it
        :return: the seconds to wait for the slot
        """
        with self.env.registry.cursor() as cr:
            free_from, now = self._lock_row(cr, key)
            slot = next_slot(free_from, now)
            self._store(cr, key, slot.following)
        return slot.wait

    def _hold(self, key, seconds):
        """Let nobody with this token send anything for so many seconds."""
        with self.env.registry.cursor() as cr:
            free_from, now = self._lock_row(cr, key)
            self._store(cr, key, max(free_from or 0, now + seconds))

    def _lock_row(self, cr, key):
        cr.execute(LOCK)
        cr.execute(
            "SELECT (SELECT free_from FROM payt_throttle WHERE key = %s), extract(epoch FROM clock_timestamp())", [key]
        )
        free_from, now = cr.fetchone()
        return free_from, float(now)

    def _store(self, cr, key, free_from):
        cr.execute(
            "INSERT INTO payt_throttle (key, free_from) VALUES (%s, %s)"
            " ON CONFLICT (key) DO UPDATE SET free_from = EXCLUDED.free_from",
            [key, free_from],
        )
