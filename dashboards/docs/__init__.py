"""The docs of models and metrics: a static site beside the dashboards, searched without a server.

From dbt's manifest, the metric layer, the dashboards' definitions and what the warehouse says of its tables. A page for
each model, metric and source; the same inputs give the same bytes. `docs/decisions/0012` says why these are not dbt's.
"""
