from ..importers.catalogue import CatalogueImporter
from .ubl_common import UblCase


class TestServiceTaxes(UblCase):
    def test_services_of_the_catalogue_are_reverse_charged_elsewhere_in_the_eu(self):
        self.company.account_sale_tax_id = self.get_tax("btw_21")
        importer = CatalogueImporter.__new__(CatalogueImporter)
        importer.env, importer.company = self.env, self.company
        self.assertEqual(importer._get_service_taxes(), self.get_tax("btw_21_d"))
