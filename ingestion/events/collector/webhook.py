"""Take calls from Segment's webhook destinations: `POST /v1/webhook/<source>`, signed with the source's secret.

`x-signature` is the HMAC-SHA1 of the body in hex, with the shared secret as key; of a batch (an array of calls) it is
that of the first call alone, so that the others are only as trustworthy as the way they came: use TLS. Calls are whole
ones with the times that Segment gave them, taken as given like an archive's. Source: Segment's documents on webhooks.
"""

import hashlib
import hmac
from collections.abc import Mapping

from ingestion.events import lenient_json
from ingestion.events.archive import archived_record
from ingestion.events.collector.exchange import RefusedRequestError, Request, error

KIND = "webhook"


def webhook_records(request: Request, source: str, secrets: Mapping[str, str]) -> list[bytes]:
    """Return the records of a signed request. Raises RefusedRequestError (401, 400).

    An unknown source is answered like a wrong signature: who asks does not learn which sources there are.
    """
    signature = request.headers.get("x-signature", "")
    try:
        calls = lenient_json.elements(request.body) if request.body.lstrip()[:1] == b"[" else [request.body]
    except lenient_json.LenientJsonError as problem:
        raise RefusedRequestError(error(400, "invalid_json", f"the body cannot be read: {problem}")) from problem
    signed = [request.body, *calls[:1]]
    secret = secrets.get(source)
    # Compared in any case, so that the answer's time tells nothing.
    matches = [hmac.compare_digest(_digest(secret or "", part), signature.lower().encode()) for part in signed]
    if secret is None or not any(matches):
        message = "x-signature is missing or is not the HMAC-SHA1 of the body with this source's secret"
        raise RefusedRequestError(error(401, "invalid_signature", message))
    return [archived_record(call.replace(b"\n", b" ").replace(b"\r", b" "), source, kind=KIND) for call in calls]


def _digest(secret: str, body: bytes) -> bytes:
    return hmac.new(secret.encode(), body, hashlib.sha1).hexdigest().encode()
