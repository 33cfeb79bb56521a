"""Everything a command needs before it touches a database."""

from . import odoo_config, odoo_source, pdf_tool, python_env, system_packages
from .locks import build_lock
from .system_packages import BROWSER, FONTS, PDF_TOOLS, Need

FOR_RUNNING: tuple[Need, ...] = (FONTS,)
FOR_TESTING: tuple[Need, ...] = (FONTS, PDF_TOOLS, BROWSER)


def ensure(needs: tuple[Need, ...] = FOR_RUNNING) -> None:
    """Build what is missing; when nothing is, only look."""
    with build_lock():
        odoo_source.check()
        python_env.ensure()
        odoo_source.ensure()
        pdf_tool.ensure()
        system_packages.ensure(needs)
        odoo_config.write()
