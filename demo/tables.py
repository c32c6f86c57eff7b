"""The product's tables as the simulator writes them: columns as in schema.sql, and values as SQL or COPY text.

One letter says how a column's value is written: i integer, f float, n numeric (text or number), b boolean, s text,
u uuid, t timestamptz (microseconds since 1970), d date (`datetime.date`), j jsonb (JSON text), a array of text,
y bytea (hex text).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from functools import lru_cache

Value = object  # a cell: int, float, str, bool, date, tuple of str, or None
Row = tuple[Value, ...]

_SPECIFICATION = """
clients id:i slug:s name:s industry:s region:s plan:s settings:j data_residency:s ml_opt_out:b contract_start:d
    contract_end:d created_at:t updated_at:t deleted_at:t
users id:u client_id:i email:s full_name:s locale:s timezone:s roles:a last_login_at:t sso_subject:s is_active:b
    created_at:t updated_at:t deleted_at:t
org_units id:i client_id:i parent_id:i name:s path:s cost_center:s created_at:t updated_at:t deleted_at:t
locations id:i client_id:i name:s country:s region:s city:s lat:n lon:n remote_ok:b created_at:t updated_at:t
job_architecture id:i client_id:i family:s sub_family:s title:s level:i onet_soc_code:s esco_uri:s created_at:t
    updated_at:t
members id:i client_id:i user_id:u employee_number:s org_unit_id:i manager_id:i job_architecture_id:i location_id:i
    worker_type:s hired_on:d terminated_on:d title:s level:i salary_band:s open_to:a weekly_capacity_hours:n
    preferences:j profile_completeness:f created_at:t updated_at:t deleted_at:t
consents id:i client_id:i member_id:i purpose:s granted_at:t withdrawn_at:t policy_version:s
restricted.member_demographics member_id:i client_id:i sex:s race_ethnicity:s age_band:s disability:s veteran:s
    self_identified_at:t consent_id:i
skills id:i esco_uri:s onet_element_id:s name:s skill_type:s is_active:b aliases:a embedding:s created_at:t
    updated_at:t
skill_relations from_skill_id:i to_skill_id:i relation:s weight:f
member_skills id:i client_id:i member_id:i skill_id:i level:i source:s confidence:n years:n last_used_on:d
    wants_to_use:b created_at:t updated_at:t deleted_at:t
skill_endorsements id:i client_id:i member_skill_id:i endorsed_by:i level:i comment:s created_at:t revoked_at:t
opportunities id:i client_id:i kind:s title:s description:s org_unit_id:i location_id:i job_architecture_id:i
    hiring_manager_id:i recruiter_id:u status:s openings:i hours_per_week:n budget_amount:n budget_currency:s
    starts_on:d ends_on:d requisition_code:s approved_at:t opened_at:t filled_at:t closed_at:t close_reason:s
    visibility:j attributes:j created_at:t updated_at:t deleted_at:t
opportunity_skills opportunity_id:i skill_id:i client_id:i importance:i min_level:i is_required:b
opportunity_hiring_team opportunity_id:i member_id:i role:s added_at:t removed_at:t
model_versions id:i name:s version:s git_sha:s training_dataset_id:s deployed_at:t retired_at:t params:j
recommendation_requests id:u client_id:i member_id:i channel:s surface:s model_version_id:i requested_at:t context:j
    experiment_key:s variant:s candidate_count:i latency_ms:i
match_recommendations id:i request_id:u client_id:i member_id:i opportunity_id:i rank:i score:f propensity:f
    is_exploration:b reasons:j feature_hash:y created_at:t expires_at:t
match_impressions id:i recommendation_id:i client_id:i member_id:i opportunity_id:i position:i viewport_ms:i
    shown_at:t channel:s
match_feedback id:i recommendation_id:i client_id:i member_id:i opportunity_id:i kind:s reason_code:s comment:s
    created_at:t
stages id:i client_id:i name:s kind:s position:i opportunity_kind:s
reject_reasons id:i client_id:i code:s label:s is_active:b
applications id:i client_id:i member_id:i opportunity_id:i recommendation_id:i source:s status:s current_stage_id:i
    applied_at:t hired_at:t rejected_at:t withdrawn_at:t reject_reason_id:i cover_note:s answers:j created_at:t
    updated_at:t deleted_at:t
application_stage_events id:i client_id:i application_id:i from_stage_id:i to_stage_id:i moved_by:u moved_at:t
    reason:s note:s
interviews id:i client_id:i application_id:i scheduled_at:t duration:s interviewer_id:i status:s created_at:t
    updated_at:t
scorecards interview_id:i client_id:i overall:s attributes:j notes:s submitted_at:t
assignments id:i client_id:i member_id:i opportunity_id:i application_id:i started_on:d ended_on:d outcome:s
    member_rating:i manager_rating:i hours_logged:n created_at:t updated_at:t
saved_items id:i client_id:i member_id:i opportunity_id:i recommendation_id:i saved_at:t
mentorships id:i client_id:i mentor_id:i mentee_id:i skill_id:i status:s requested_at:t accepted_at:t ended_at:t
    updated_at:t
notifications id:i client_id:i member_id:i channel:s template:s payload:j queued_at:t sent_at:t opened_at:t
    clicked_at:t bounced:b
erasure_requests id:i client_id:i subject:u requested_at:t due_at:t executed_at:t scope:a certificate:j
audit_log_raw at:t client_id:i actor:u action:s entity:s entity_id:s detail:j
"""

# Identity columns refuse explicit values unless the statement says so; the simulator's ids are part of the story.
_WITH_UUID_OR_NATURAL_KEY = {
    "users", "restricted.member_demographics", "skill_relations", "opportunity_skills", "opportunity_hiring_team",
    "recommendation_requests", "scorecards", "audit_log_raw",
}  # fmt: skip

_EPOCH = dt.date(1970, 1, 1)
_COPY_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


@lru_cache(maxsize=1024)
def _date(day: int) -> str:
    return str(_EPOCH + dt.timedelta(days=day))


@lru_cache(maxsize=1024)  # the rows of a transaction share most of their times
def timestamp(at: int) -> str:
    """Postgres' and ISO's form of a simulated time."""
    seconds, fraction = divmod(at, 1_000_000)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    day, hour = divmod(hours, 24)
    return f"{_date(day)} {hour:02d}:{minute:02d}:{second:02d}.{fraction:06d}+00"


def _array(value: Value) -> str:
    items = value if isinstance(value, tuple) else ()
    quoted = (str(item).replace("\\", "\\\\").replace('"', '\\"') for item in items)
    return "{" + ",".join(f'"{item}"' for item in quoted) + "}"


def _escaped(text: str) -> str:
    # Nearly every text needs no escape, and looking for that is five times as fast as translating it.
    return text if text.isprintable() and "\\" not in text else text.translate(_COPY_ESCAPES)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


Writer = Callable[..., str]  # of one value that is not None
_TEXTS: Mapping[str, Writer] = {
    "i": str, "n": str, "f": lambda value: repr(float(value)), "b": lambda value: "t" if value else "f", "s": str,
    "u": str, "t": timestamp, "d": str, "j": str, "a": _array, "y": lambda value: "\\x" + value,
}  # fmt: skip
_LITERALS: Mapping[str, Writer] = {
    "i": str, "n": str, "f": _TEXTS["f"], "b": lambda value: "true" if value else "false", "s": _quoted,
    "u": lambda value: f"'{value}'", "t": lambda value: f"'{timestamp(value)}'", "d": lambda value: f"'{value}'",
    "j": _quoted, "a": lambda value: _quoted(_array(value)), "y": lambda value: f"'\\x{value}'",
}  # fmt: skip
_FIELDS: Mapping[str, Writer] = {
    **_TEXTS,
    "s": _escaped, "j": _escaped,
    "a": lambda value: _escaped(_array(value)), "y": lambda value: "\\\\x" + value,
}  # fmt: skip


class Table:
    """One table of the product: its columns, and how each value is written."""

    def __init__(self, name: str, columns: tuple[str, ...], kinds: tuple[str, ...]) -> None:
        self.name, self.columns, self.kinds = name, columns, kinds
        self.column_list = ", ".join(columns)
        self.has_identity = name not in _WITH_UUID_OR_NATURAL_KEY
        self._kind = dict(zip(columns, kinds, strict=True))
        self._literals = tuple(_LITERALS[kind] for kind in kinds)
        self._fields = tuple(_FIELDS[kind] for kind in kinds)

    def literal(self, column: str, value: Value) -> str:
        """Write one value of a column as an SQL literal."""
        return "null" if value is None else _LITERALS[self._kind[column]](value)

    def kind(self, column: str) -> str:
        """The letter of a column's kind."""
        return self._kind[column]

    def values(self, row: Row) -> str:
        """Write a row as `(...)` of a VALUES list."""
        cells = zip(self._literals, row, strict=True)
        return "(" + ",".join(["null" if value is None else write(value) for write, value in cells]) + ")"

    def copy_line(self, row: Row) -> str:
        """Write a row as a line of COPY's text format."""
        cells = zip(self._fields, row, strict=True)
        return "\t".join(["\\N" if value is None else write(value) for write, value in cells]) + "\n"


def _parse() -> dict[str, Table]:
    tables = {}
    for entry in _SPECIFICATION.replace("\n    ", " ").strip().splitlines():
        name, *columns = entry.split()
        pairs = [column.split(":") for column in columns]
        tables[name] = Table(name, tuple(pair[0] for pair in pairs), tuple(pair[1] for pair in pairs))
    return tables


TABLES = _parse()  # in the order in which rows can be loaded: what is referred to comes first
