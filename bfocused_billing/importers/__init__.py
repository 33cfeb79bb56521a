"""Bring in a company's own CSV files. Each file has its importer; ``IMPORTERS`` is the order they need."""

from .catalogue import CatalogueImporter
from .customers import CustomersImporter
from .mandates import MandatesImporter
from .services import ServicesImporter
from .subscriptions import SubscriptionsImporter

IMPORTERS = (CatalogueImporter, CustomersImporter, MandatesImporter, SubscriptionsImporter, ServicesImporter)
