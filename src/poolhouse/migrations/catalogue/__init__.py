"""What a schema holds, and whether it is what its migrations make."""

from poolhouse._core.catalogue import Catalogue, CatalogueEntry, Difference, compare
from poolhouse.migrations.catalogue.reading import read_catalogue
from poolhouse.migrations.catalogue.rights import Rights
from poolhouse.migrations.catalogue.verifying import VerifyResult, catalogue_of, verify

__all__ = [
    "Catalogue",
    "CatalogueEntry",
    "Difference",
    "Rights",
    "VerifyResult",
    "catalogue_of",
    "compare",
    "read_catalogue",
    "verify",
]
