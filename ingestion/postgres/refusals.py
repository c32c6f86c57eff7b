"""Say why Postgres did not let us in, and what to do.

libpq gives a failed connection no SQLSTATE, only words; where the server speaks another language than English, its own
words are handed on.
"""

import re
from typing import Final, NamedTuple

from ingestion.errors import (
    SourceCapacityError,
    SourceError,
    SourceLoginError,
    SourceRightsError,
    SourceSettingError,
    SourceUnreachableError,
)


class _Refusal(NamedTuple):
    """Words of libpq or the server (a regular expression), the error, what happened, what to do."""

    pattern: str
    kind: type[SourceError]
    what: str
    remedy: str


_VERIFIED: Final = (
    "name the file with the authority's certificate in the URL: ...?sslmode=verify-full&sslrootcert=/path/to/ca.crt"
)
# The first that fits counts.
_REFUSALS: Final = (
    _Refusal(
        "no password supplied",
        SourceLoginError,
        "the server wants a password for role {role!r} and the URL has none",
        "write postgresql://role:password@host:port/database, or set PGPASSWORD or ~/.pgpass",
    ),
    _Refusal(
        "password authentication failed|SCRAM",
        SourceLoginError,
        "the server refused the password of role {role!r}",
        "check it, and write special characters percent-encoded (@ as %40, / as %2F, : as %3A, % as %25)",
    ),
    _Refusal(
        "(no pg_hba.conf entry|pg_hba.conf rejects).*no encryption",
        SourceLoginError,
        "the server lets role {role!r} in over TLS only, or not at all ({words})",
        f"{_VERIFIED}; if that does not help, add 'hostssl DATABASE ROLE ADDRESS/32 scram-sha-256' to its pg_hba.conf",
    ),
    _Refusal(
        "no pg_hba.conf entry|pg_hba.conf rejects",
        SourceLoginError,
        "no line of the server's pg_hba.conf lets role {role!r} in from here ({words})",
        "add 'hostssl DATABASE ROLE ADDRESS/32 scram-sha-256' there and run: select pg_reload_conf()",
    ),
    _Refusal(
        'role ".*" does not exist',
        SourceLoginError,
        "role {role!r} does not exist",
        "create it: create role ROLE with login replication password '...'",
    ),
    _Refusal(
        'role ".*" is not permitted to log in',
        SourceLoginError,
        "role {role!r} may not log in",
        "let an administrator run: alter role ROLE with login",
    ),
    _Refusal(
        "permission denied for database|does not have CONNECT privilege",
        SourceRightsError,
        "role {role!r} may not connect to this database",
        "let an administrator run: grant connect on database DATABASE to ROLE",
    ),
    _Refusal(
        'database ".*" does not exist',
        SourceUnreachableError,
        "there is no such database",
        "correct its name in the URL; 'psql -l' lists what is there",
    ),
    _Refusal(
        "max_wal_senders",
        SourceCapacityError,
        "no walsender is free",
        "end another replication connection (select * from pg_stat_replication), or raise max_wal_senders and restart",
    ),
    _Refusal(
        "too many clients|remaining connection slots|too many connections",
        SourceCapacityError,
        "no connection is free ({words})",
        "end connections that nobody needs, or raise max_connections (of the server or of the role)",
    ),
    _Refusal(
        "permission denied to start WAL sender|superuser or replication role",
        SourceRightsError,
        "role {role!r} has no right to replicate",
        "let an administrator run: alter role ROLE with replication (on RDS: grant rds_replication to ROLE)",
    ),
    _Refusal(
        "unsupported startup parameter",
        SourceSettingError,
        "a connection pooler answered, which cannot carry replication ({words})",
        "put the address of Postgres itself into the URL",
    ),
    _Refusal(
        "certificate verify failed|self.signed certificate",
        SourceUnreachableError,
        "no authority that the URL trusts has signed the server's certificate ({words})",
        _VERIFIED,
    ),
    _Refusal(
        "does not match host name",
        SourceUnreachableError,
        "the server's certificate is for another host ({words})",
        "write the host into the URL as the certificate names it; ?hostaddr= says where it is if DNS does not",
    ),
    _Refusal(
        "root certificate file",
        SourceUnreachableError,
        "the certificate of the authority cannot be read ({words})",
        _VERIFIED,
    ),
    _Refusal(
        "does not support SSL",
        SourceUnreachableError,
        "the URL wants TLS and the server has none",
        "set ssl = on, ssl_cert_file and ssl_key_file there; on a network you trust, ?sslmode=disable in the URL",
    ),
    _Refusal(
        "SSL|certificate|TLS",
        SourceUnreachableError,
        "client and server do not agree on TLS ({words})",
        _VERIFIED,
    ),
    _Refusal(
        "starting up|shutting down|in recovery mode|not yet accepting",
        SourceUnreachableError,
        "the server is not ready ({words})",
        "try again in a moment",
    ),
    _Refusal(
        "could not translate host name|Name or service not known|resolve",
        SourceUnreachableError,
        "the host's name is not known",
        "correct it in the URL, or check DNS and VPN",
    ),
    _Refusal(
        "refused|No such file or directory",
        SourceUnreachableError,
        "nothing listens there",
        "start Postgres, correct host and port, or set its listen_addresses",
    ),
    _Refusal(
        "timeout|timed out",
        SourceUnreachableError,
        "it did not answer in time",
        "check host, port, firewall and VPN",
    ),
)
_OTHER: Final = _Refusal(
    "", SourceUnreachableError, "{words}", "check the URL and that the server accepts connections from here"
)


def explain_refusal(words: str, place: str, role: str) -> SourceError:
    """Turn the words of a refused connection into an error to be raised. `place` is host, port and database."""
    refusal = next((r for r in _REFUSALS if re.search(r.pattern, words, re.IGNORECASE)), _OTHER)
    what = refusal.what.format(role=role, words=_own_words(words, refusal.pattern))
    return refusal.kind(f"cannot connect to Postgres at {place}: {what}; {refusal.remedy}")


def _own_words(words: str, pattern: str) -> str:
    """The last line that tells why (hints may follow it), without the preamble that names address and severity."""
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    telling = [line for line in lines if re.search(pattern, line, re.IGNORECASE)] or lines
    if not telling:
        return "no reason given"
    line = re.sub(r"^(connection failed: )?connection to server .*? failed: ", "", telling[-1])
    return re.sub(r"^.*?(failed|FATAL|error):\s*(FATAL:\s*)?", "", line)
