"""Take calls from Segment's webhook destinations: `POST /v1/webhook/<source>`, signed with a secret of the source.

`x-signature` is the HMAC-SHA1 of the body in hex, with the shared secret as key; of a batch (an array of calls) it is
that of the first call alone, so that the others are only as trustworthy as the way they came: use TLS. Calls are whole
ones with the times that Segment gave them, taken as given like an archive's. Source: Segment's documents on webhooks.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence

from ingestion.events import lenient_json
from ingestion.events.archive import archived_record
from ingestion.events.collector.body import MAX_BATCH_EVENTS
from ingestion.events.collector.exchange import RefusedRequestError, Request, Response, error

KIND = "webhook"


def webhook_records(request: Request, source: str, secrets: Mapping[str, Sequence[str]]) -> list[bytes]:
    """Return the records of a signed request. Raises RefusedRequestError (401, 400, 413).

    An unknown source is answered like a wrong signature: who asks does not learn which sources there are.
    """
    signature, body = request.headers.get("x-signature", ""), request.body
    is_batch = body.lstrip()[:1] == b"["
    try:
        first = lenient_json.first_element(body) if is_batch else None
    except lenient_json.LenientJsonError as problem:
        raise RefusedRequestError(_invalid_json(problem)) from problem
    signed = [body] if first is None else [body, first]
    keys = secrets.get(source, [""])
    # Compared in any case, so that the answer's time tells nothing.
    digests = [_digest(key, part) for key in keys for part in signed]
    matches = [hmac.compare_digest(digest, signature.lower().encode()) for digest in digests]
    if source not in secrets or not any(matches):
        message = "x-signature is missing or is not the HMAC-SHA1 of the body with a secret of this source"
        raise RefusedRequestError(error(401, "invalid_signature", message))
    try:
        calls = lenient_json.elements(body) if is_batch else [body]  # not before it is known to be signed: it costs
    except lenient_json.LenientJsonError as problem:
        raise RefusedRequestError(_invalid_json(problem)) from problem
    if len(calls) > MAX_BATCH_EVENTS:
        message = f"the batch has {len(calls)} calls, more than {MAX_BATCH_EVENTS}; send smaller ones"
        raise RefusedRequestError(error(413, "too_many_events", message))
    return [archived_record(call.replace(b"\n", b" ").replace(b"\r", b" "), source, kind=KIND) for call in calls]


def _invalid_json(problem: Exception) -> Response:
    return error(400, "invalid_json", f"the body cannot be read: {problem}")


def _digest(secret: str, body: bytes) -> bytes:
    return hmac.new(secret.encode(), body, hashlib.sha1).hexdigest().encode()
