"""Which warehouses have models, and readers of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestration.errors import NotBuiltYetError

if TYPE_CHECKING:
    from orchestration.settings import Settings


def require_models(settings: Settings) -> None:
    """Raise NotBuiltYetError for a warehouse that is loaded, and of which no models are built yet."""
    if settings.has_bigquery_warehouse:
        raise NotBuiltYetError(
            "models on BigQuery, and what reads them, are not built yet; 'flux replicate', 'flux load', 'flux status' "
            "and 'flux verify' work there (docs/warehouses.md)"
        )
