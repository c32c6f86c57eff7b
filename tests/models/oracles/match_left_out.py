"""What was seen by those whom no training set may learn from, and why not."""

from __future__ import annotations

from hashlib import md5

from tests.models.oracles.known import first_committed
from tests.models.oracles.source import Rows, Source, oracle
from tests.models.oracles.talent import people


@oracle("ml.ml_match_left_out", "impression_id client_id subject_key reason known_at")
def ml_match_left_out(source: Source) -> Rows:
    opted_out = {row["id"] for row in source.rows("clients") if row["ml_opt_out"]}
    erased = {row["subject_user_id"] for row in source.rows("erasure_requests")}
    consents = [row for row in source.rows("consents") if row["purpose"] == "ml_training"]
    ever = {row["member_id"] for row in consents}
    now = {row["member_id"] for row in consents if row["withdrawn_at"] is None}
    for row in first_committed(source, "match_impressions", "shown_at"):
        person = source.once(people).get(row["member_id"])
        if person is None:
            continue
        if person["user_id"] in erased:
            reason = "erasure requested"
        elif person["client_id"] in opted_out:
            reason = "client opted out"
        elif row["member_id"] in now:
            continue
        else:
            reason = "consent withdrawn" if row["member_id"] in ever else "never consented"
        key = md5(f"subject|{person['user_id']}".encode(), usedforsecurity=False).hexdigest()
        yield (row["id"], person["client_id"], key, reason, row["known"])


ORACLES = (ml_match_left_out,)
