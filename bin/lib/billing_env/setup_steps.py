"""Everything a command needs before it touches a database.

What takes longest goes on at the same time: pip installs while Odoo is downloaded and unpacked. Databases need no more
than these two, so the rest (tools for tests, wkhtmltopdf, system packages) may go on while they are built; before
anything is run that may need it, it is waited for (:mod:`beside`).
"""

import functools
from collections.abc import Iterable

from . import beside, odoo_config, odoo_source, pdf_tool, progress, python_env, system_packages
from .locks import build_lock, keep_build_lock
from .progress import Step
from .system_packages import BROWSER, FONTS, PDF_TOOLS, Need

FOR_RUNNING: tuple[Need, ...] = (FONTS,)
FOR_TESTING: tuple[Need, ...] = (FONTS, PDF_TOOLS, BROWSER)


def ensure(needs: tuple[Need, ...] = FOR_RUNNING, then: Iterable[Step] = (), *, with_tools: bool | None = None) -> None:
    """Build what is missing; when nothing is, only look.

    :param then: what the command does afterwards, for the numbers of the steps
    :param with_tools: have the test and lint tools too; by default where all that tests need is wanted
    """
    if with_tools is None:
        with_tools = needs == FOR_TESTING
    with build_lock():
        odoo_source.check()
        missing = _get_missing(needs, with_tools)
        system_packages.tell_lacking(needs)
        then = list(then)
        progress.plan([*missing, *then], _get_seconds(missing, then))
        beside.afterwards(_remove_half_an_environment)
        beside.wait_for(*_begin(missing, needs))
        odoo_source.put_on_path()
        odoo_config.write()
        keep_build_lock()


def _get_missing(needs: tuple[Need, ...], with_tools: bool) -> list[Step]:
    """The steps that have something to do."""
    system_step = system_packages.get_step(needs)
    done = {
        python_env.STEP: python_env.is_ready(),
        odoo_source.STEP: odoo_source.is_ready(),
        python_env.TOOLS_STEP: not with_tools or python_env.has_tools(),
        pdf_tool.STEP: pdf_tool.is_ready(),
        system_step: not system_step,
    }
    if not done[pdf_tool.STEP] and pdf_tool.lacks_libraries():
        pdf_tool.tell_lacking()
        done[pdf_tool.STEP] = True
    return [what for what, is_done in done.items() if not is_done]


def _get_seconds(missing: list[Step], then: list[Step]) -> float:
    """What is missing is built at the same time, the rest afterwards."""
    return max((step.seconds for step in missing), default=0) + sum(step.seconds for step in then)


def _begin(missing: list[Step], needs: tuple[Need, ...]) -> list[beside.Work]:
    """Begin all that is missing.

    :return: what has to be there before a database can be built
    """
    needed, environment = [], None
    if python_env.STEP in missing:
        environment = beside.start(python_env.make)
        needed.append(beside.start(python_env.fill, after=environment))
    if odoo_source.STEP in missing:
        needed.append(beside.start(odoo_source.unpack))
    if python_env.TOOLS_STEP in missing:
        beside.start(python_env.add_tools, after=environment)
    if pdf_tool.STEP in missing:
        beside.start(pdf_tool.ensure, after=environment)
    if system_packages.get_step(needs):
        beside.start(functools.partial(system_packages.ensure, needs))
    return needed


def _remove_half_an_environment() -> None:
    """After a failure: two pips fill the environment at the same time, so it is removed when both have ended."""
    if not python_env.is_ready():
        python_env.remove()
