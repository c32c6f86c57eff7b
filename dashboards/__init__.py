"""Dashboards as reviewed files: YAML definitions and SQL cards in, a static site out (a BI server later).

definitions = load_definitions(directory)                  # strict: file, line, nearest name
queries = check_sources(definitions, relations)            # only marts and reporting, only by ref
report = build_site(connection, directory, out, relations=relations, cut=cut)
"""

from dashboards.errors import CardQueryError, DashboardError, DefinitionError, SiteError

__all__ = ["CardQueryError", "DashboardError", "DefinitionError", "SiteError"]
