import os


def at_size(full, short):
    """How much a long story plays: ``bin/test`` the short size, which still shows what it shows, and ``bin/test
    --long`` the full one.

    This is the one place that decides; it reads what ``bin/test`` sets.
    """
    return full if os.environ.get("BFOCUSED_LONG") else short
