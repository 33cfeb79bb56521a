"""Python's garbage collector in processes that have Odoo loaded."""

import gc

# Of a loaded registry nothing becomes garbage. Python's own thresholds (700, 10, 10) walk through all of it again and
# again while tests create records: a sixth of the suite's time.
COLLECT_AFTER = (50_000, 20, 50)


def collect_seldom():
    """Leave out what is loaded by now, so that forked processes copy no memory for it, and collect the rest seldom."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)
