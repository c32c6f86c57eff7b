"""The service itself: queries, scripts, files that are loaded, and what they cost.

Every job has a name of ours: when the answer to a request is lost, the request is sent again under the same name, and
the job that is there already is the answer. Google's client is imported with the first connection, it takes seconds;
`pip install 'flux-data-platform[bigquery]'` brings it.
"""

import contextlib
import logging
import os
import socket
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from ingestion.errors import IngestionError, LoadError, WarehouseError
from ingestion.warehouse.bigquery.cost import Cost
from ingestion.warehouse.bigquery.names import literal, quote
from ingestion.warehouse.urls import BigqueryPlace

logger = logging.getLogger(__name__)

EMULATOR: Final = "BIGQUERY_EMULATOR_HOST"  # Google's own variable, which its client heeds, too
LOADER: Final = "loader"
STAGING: Final = "_flux_staging"
_STAGED_DAYS: Final = 1
FENCED: Final = "flux: another loader"
LACKING: Final = "flux: rows are not in the mirror"


class Service:
    """A connection to one project. `token` is this connection's own; names of its jobs begin with it."""

    def __init__(self, place: BigqueryPlace) -> None:
        try:
            from google.auth.credentials import AnonymousCredentials
            from google.auth.exceptions import GoogleAuthError
            from google.cloud import bigquery
        except ModuleNotFoundError as error:
            raise WarehouseError(
                "a warehouse on BigQuery needs Google's client; run: pip install 'flux-data-platform[bigquery]'"
            ) from error
        self.place = place
        self.token = uuid.uuid4().hex[:16]
        self.cost = Cost()
        self._api: Any = bigquery  # Any: lint must pass where the extra is not installed
        self._number = 0
        self._datasets: set[str] = set()
        credentials = AnonymousCredentials() if os.environ.get(EMULATOR) else None
        try:
            self._client: Any = bigquery.Client(project=place.project, credentials=credentials, location=place.location)
        except GoogleAuthError as error:
            raise WarehouseError(
                "Google knows nobody here; set GOOGLE_APPLICATION_CREDENTIALS, or run 'gcloud auth application-default "
                "login'"
            ) from error

    def close(self) -> None:
        """Let the connection go."""
        self._client.close()

    def relation(self, schema: str, name: str) -> str:
        """A table's name in SQL."""
        return ".".join(map(quote, (self.place.project, self.place.prefix + schema, name)))

    def ensure_dataset(self, schema: str) -> None:
        """Create a schema's dataset where it is missing. What is staged goes away by itself after a day."""
        if schema in self._datasets:
            return
        with self._told():
            dataset = self._api.Dataset(f"{self.place.project}.{self.place.prefix}{schema}")
            if self.place.location is not None:
                dataset.location = self.place.location
            if schema == STAGING:
                dataset.default_table_expiration_ms = _STAGED_DAYS * 86_400_000
            self._client.create_dataset(dataset, exists_ok=True)
        self._datasets.add(schema)

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement or a script; the rows of its last one."""
        config = self._api.QueryJobConfig(maximum_bytes_billed=self.place.job_bytes)
        name = self._name("query")
        with self._told(name):
            try:
                job = self._client.query(statement, job_config=config, job_id=name, job_retry=None)
            except Exception as error:
                if not _is(error, "Conflict"):
                    raise
                job = self._client.get_job(name)  # the answer to a request before this one was lost
            rows = [tuple(row) for row in job.result(job_retry=None)]
        self.cost.add(job.total_bytes_processed, job.total_bytes_billed, job.slot_millis)
        return rows

    def take(self) -> None:
        """Take the warehouse: from now on this loader's transactions are committed, and nobody else's."""
        self.ensure_dataset("_flux")
        loader, holder = self.relation("_flux", LOADER), f"{socket.gethostname()} (pid {os.getpid()})"
        made = "token string, holder string, taken_at timestamp, commits int64"
        self.query(f"create table if not exists {loader} ({made})")
        self.query(
            f"begin transaction; delete from {loader} where true; insert into {loader} "
            f"values ({literal(self.token)}, {literal(holder)}, current_timestamp(), 0); commit transaction;"
        )

    def transact(self, statements: Sequence[str]) -> None:
        """Do all of the statements, or none where another loader has taken the warehouse since.

        First comes the fence: it counts up this loader's row of `_flux.loader`. Two transactions that change rows of
        one table exclude each other, so of two loaders one at most commits.
        """
        loader, token = self.relation("_flux", LOADER), literal(self.token)
        fence = (
            f"update {loader} set commits = commits + 1 where token = {token}",
            f"select if((select count(*) from {loader} where token = {token}) = 1, true, error({literal(FENCED)}))",
        )
        self.query(";\n".join(["begin transaction", *fence, *statements, "commit transaction"]) + ";")

    def load(self, file: Path, schema: str, name: str, types: Mapping[str, str]) -> Any:  # Any: the client's job
        """Begin to append a Parquet file to a table, which is made if it is missing; `wait_for` awaits the end."""
        self.ensure_dataset(schema)
        fields = [self._api.SchemaField(column, kind.partition("(")[0]) for column, kind in types.items()]
        config = self._api.LoadJobConfig(
            source_format="PARQUET",
            schema=fields,
            write_disposition="WRITE_APPEND",
            create_disposition="CREATE_IF_NEEDED",
        )
        job = self._name("load")
        target = f"{self.place.project}.{self.place.prefix}{schema}.{name}"
        with self._told(job), file.open("rb") as raw:
            try:
                return self._client.load_table_from_file(raw, target, job_id=job, job_config=config, num_retries=3)
            except Exception as error:
                if not _is(error, "Conflict"):
                    raise
                return self._client.get_job(job)

    def wait_for(self, loads: Sequence[Any]) -> None:
        """Wait until files are in."""
        for load in loads:
            with self._told(load.job_id):
                load.result()

    def rows(self, schema: str, name: str) -> pa.Table:
        """All rows of a table, without a query: that is free."""
        with self._told():
            table = f"{self.place.project}.{self.place.prefix}{schema}.{name}"
            return self._client.list_rows(table).to_arrow(create_bqstorage_client=False)

    def tables(self, schema: str) -> set[str]:
        """Names of a dataset's tables."""
        with self._told():
            return {
                found.table_id
                for found in self._client.list_tables(f"{self.place.project}.{self.place.prefix}{schema}")
            }

    def forget(self, schema: str, name: str) -> None:
        """Drop a table that may be gone already. That is no query, and free."""
        with self._told():
            self._client.delete_table(f"{self.place.project}.{self.place.prefix}{schema}.{name}", not_found_ok=True)

    def drop_all(self) -> None:
        """Drop every dataset whose name begins with the prefix, which must be one."""
        if not self.place.prefix:
            raise WarehouseError("without a prefix every dataset of the project would be dropped; drop them by hand")
        with self._told():
            for found in list(self._client.list_datasets()):
                if found.dataset_id.startswith(self.place.prefix):
                    self._client.delete_dataset(found.reference, delete_contents=True, not_found_ok=True)
        self._datasets.clear()

    def cluster(self, schema: str, name: str, columns: Sequence[str] | None) -> None:
        """Let a table be clustered by other columns from now on, or by none; nothing is written for that."""
        with self._told():
            table = self._client.get_table(f"{self.place.project}.{self.place.prefix}{schema}.{name}")
            table.clustering_fields = list(columns) if columns else None
            self._client.update_table(table, ["clustering_fields"])

    def _name(self, kind: str) -> str:
        self._number += 1
        return f"flux_{kind}_{self.token}_{self._number}"

    @contextlib.contextmanager
    def _told(self, job: str = "") -> Iterator[None]:
        """Tell what goes wrong. The service's own words may quote a value: they go no further."""
        from google.api_core.exceptions import GoogleAPIError
        from google.auth.exceptions import GoogleAuthError
        from requests.exceptions import RequestException

        try:
            yield
        except (GoogleAPIError, GoogleAuthError, RequestException) as error:
            raise _explained(error, job) from None


def _is(error: Exception, kind: str) -> bool:
    return any(found.__name__ == kind for found in type(error).__mro__)


def _explained(error: Exception, job: str) -> IngestionError:
    text, kind = str(error), type(error).__name__
    reasons = {str(detail.get("reason", "")) for detail in getattr(error, "errors", None) or ()}
    at = f"; its job is {job!r}" if job else ""
    if FENCED in text or "concurrent update" in text:
        return WarehouseError(
            "another loader took this warehouse; nothing of this batch was committed: let one of them load alone"
        )
    if LACKING in text:
        return LoadError(f"rows were changed that are not in a mirror{at}")
    if "bytesBilledLimitExceeded" in reasons or "bytesBilledLimitExceeded" in text:
        return WarehouseError(f"a statement would read more than FLUX_BIGQUERY_JOB_BYTES allows{at}; raise it")
    if _is(error, "Forbidden") or _is(error, "Unauthorized") or _is(error, "GoogleAuthError"):
        return WarehouseError(f"BigQuery refuses ({kind}){at}; docs/warehouses.md lists the roles that a loader needs")
    if _is(error, "BadRequest") or _is(error, "NotFound"):
        said = ", ".join(sorted(filter(None, reasons))) or kind
        return LoadError(f"BigQuery refuses a statement or a value ({said}){at}")
    return WarehouseError(f"BigQuery cannot be reached or broke off ({kind}){at}; what was begun is begun anew")
