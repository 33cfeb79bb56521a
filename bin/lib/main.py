"""Entry point of the commands in ``bin/``: ``main.py COMMAND [arguments]``, started by ``launch``."""

import sys

from billing_env.cli import main

sys.exit(main(sys.argv[1], sys.argv[2:]))
