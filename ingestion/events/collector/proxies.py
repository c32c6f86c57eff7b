"""Believe what a proxy says of its client, when it is one of ours.

Anybody can send X-Forwarded-*. Believed from anybody, a false host would go into the settings document, which caches
keep, and from there redirect the events of every browser.
"""

import ipaddress
from collections.abc import Sequence

from ingestion.errors import CollectorError
from ingestion.events.collector.exchange import Request


class Proxies:
    """The addresses and networks of our proxies."""

    def __init__(self, networks: Sequence[str] = ()) -> None:
        """Raises CollectorError for what is neither an address nor a network."""
        try:
            self._networks = [ipaddress.ip_network(network, strict=False) for network in networks]
        except ValueError as error:
            raise CollectorError(f"a proxy is named by its address or network, as in 10.0.0.0/8: {error}") from error

    def __bool__(self) -> bool:
        return bool(self._networks)

    def correct(self, request: Request) -> None:
        """Put the client's own address, host and scheme into a request that one of our proxies handed on."""
        if not self._holds(request.client):
            return
        headers = dict(request.headers)
        for hop in reversed(headers.get("x-forwarded-for", "").split(",")):  # the last one that is not ours
            if _address(hop) is None:
                break
            request.client = hop.strip()
            if not self._holds(request.client):
                break
        if "x-forwarded-host" in headers:
            headers["host"] = headers["x-forwarded-host"].rpartition(",")[2].strip()
            request.headers = headers
        scheme = headers.get("x-forwarded-proto", "").rpartition(",")[2].strip().lower()
        if scheme in ("http", "https"):
            request.scheme = scheme

    def _holds(self, client: str | None) -> bool:
        address = _address(client or "")
        return address is not None and any(address in network for network in self._networks)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text.strip())
    except ValueError:
        return None
