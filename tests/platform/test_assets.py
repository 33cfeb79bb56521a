"""The web client's assets of a template: made once, and taken from the cache as long as nothing changes them."""

import os
import subprocess

from billing_env import databases, odoo_config, postgres
from billing_env.paths import INSIDE_ODOO, VENV_PYTHON

ASSETS = "SELECT url, checksum FROM ir_attachment WHERE url LIKE '/web/assets/%' AND name LIKE '%.min.%' ORDER BY url"


def test_kept_assets_are_those_that_would_be_made(tmp_path):
    with postgres.running() as server:
        cluster = databases.Cluster(server)
        with databases.temporary_copy(cluster, os.environ["BFOCUSED_TEST_TEMPLATE"], "assets") as name:
            made = cluster.sql(ASSETS, database=name)
            assert any(url.endswith(".js") for url, _checksum in made)
            assert any(url.endswith(".css") for url, _checksum in made)
            cluster.sql("DELETE FROM ir_attachment WHERE url LIKE '/web/assets/%'", database=name)
            subprocess.run(
                [VENV_PYTHON, INSIDE_ODOO / "assets.py", name, databases.ASSETS],
                env=odoo_config.environment(server),
                check=True,
            )
            assert cluster.sql(ASSETS, database=name) == made
