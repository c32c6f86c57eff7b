"""`flux warehouse`."""

from __future__ import annotations

import click

from orchestration.cli.output import examples, read_settings


@click.group(epilog=examples("flux warehouse url"))
def command() -> None:
    """Give the published warehouse's address for notebooks."""


@command.command(
    epilog=examples(
        "flux warehouse url", """python -c 'import pandas; pandas.read_sql(SQL, "'$(flux warehouse url)'")'"""
    )
)
@click.option("--show-password", is_flag=True, help="Print the password of a Postgres warehouse, too.")
def url(show_password: bool) -> int:
    """Print the SQLAlchemy URL of what is published.

    A DuckDB file is opened read-only: it cannot be changed, and stands in nobody's way. Of a Postgres warehouse it is
    the schema `serving`; its password is left out, so that libpq's own ways (PGPASSWORD, .pgpass) apply.
    """
    import sqlalchemy as sa

    from ingestion.warehouse.postgres.serving import SERVING

    settings = read_settings()
    if settings.has_postgres_warehouse:
        given = sa.make_url(settings.warehouse).set(drivername="postgresql+psycopg")
        address = given.update_query_dict({"options": f"-csearch_path={SERVING}"})
        if not show_password:
            address = sa.URL.create(
                address.drivername, address.username, None, address.host, address.port, address.database, address.query
            )
        click.echo(address.render_as_string(hide_password=False))
        return 0
    path = str(settings.published_path.absolute())
    click.echo(sa.URL.create("duckdb", database=path, query={"access_mode": "read_only"}).render_as_string())
    return 0
