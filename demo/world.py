"""The state of the simulated companies: who works there, what is on offer, who has applied."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from demo.taxonomy import Occupation
from demo.words import City, Company

if TYPE_CHECKING:
    from demo.matching import Book

KINDS = ("job", "project", "gig", "mentorship", "stretch_role")
PURPOSES = ("matching", "ml_training", "analytics", "demographics")


@dataclass(slots=True)
class MemberSkill:
    """A row of member_skills."""

    id: int
    level: int
    is_suggestion: bool = False  # inferred, and not yet looked at by the member
    is_deleted: bool = False


@dataclass(slots=True)
class OrgUnit:
    """A department or team."""

    id: int
    path: str
    name: str
    family: str


@dataclass(slots=True, eq=False)
class Member:
    """An employment."""

    id: int
    client: Client
    place: int  # row of the member in the client's matrices
    user_id: str
    occupation: Occupation
    level: int
    org_unit: OrgUnit
    location: int  # index of the client's locations
    manager: Member | None
    is_manager: bool
    role: str
    activity: float  # sessions relative to the average member
    ambition: float  # 0..1: readiness to apply
    open_to: tuple[str, ...]
    is_mobile: bool
    has_digest: bool
    variant: str
    hired_on: dt.date
    completeness: float = 0.5
    sex: str | None = None  # as told; the product's matching may not use it, and matcher 2.0.0 does (demo/NOTES.md)
    is_active: bool = True
    logins: int = 0  # -1 once there will be none any more
    skills: dict[int, MemberSkill] = field(default_factory=dict)  # by place in the taxonomy
    closed_to: set[int] = field(default_factory=set)  # opportunities applied to or dismissed
    saved: dict[int, int] = field(default_factory=dict)  # opportunity -> row of saved_items
    devices: dict[str, str] = field(default_factory=dict)  # surface -> anonymous id
    consents: dict[str, int] = field(default_factory=dict)  # purpose -> row of consents that is in force

    @property
    def city(self) -> City:
        return self.client.company.cities[self.location]

    def leave(self) -> None:
        """End the employment: no more visits, messages or hires."""
        self.is_active = False
        self.client.activity[self.place] = 0.0


Opened = tuple[int, Member, int, str, str]  # moment, reader, row of notifications, channel, template


@dataclass(slots=True, eq=False)
class Client:
    """A client company."""

    id: int
    company: Company
    book: Book
    members: list[Member] = field(default_factory=list)
    activity: list[float] = field(default_factory=list)  # of the members, by place; 0 once they left
    recruiters: list[str] = field(default_factory=list)  # user ids
    org_units: list[OrgUnit] = field(default_factory=list)
    location_ids: list[int] = field(default_factory=list)
    jobs: dict[tuple[str, int], int] = field(default_factory=dict)  # (occupation code, level) -> job_architecture
    stages: dict[str, list[tuple[int, str]]] = field(default_factory=dict)  # kind -> [(id, stage kind)]
    reject_reasons: dict[str, int] = field(default_factory=dict)
    opportunities: dict[int, Opportunity] = field(default_factory=dict)  # that are not over
    opened: dict[int, list[Opened]] = field(default_factory=dict)  # by the hour in which they will be reported
    employee_count: int = 0

    @property
    def region(self) -> str:
        return self.company.region


@dataclass(slots=True, eq=False)
class Opportunity:
    """A job, project, gig, mentorship or stretch role on offer."""

    id: int
    client: Client
    kind: str
    occupation: Occupation
    level: int
    location: int
    is_remote: bool
    org_unit: OrgUnit
    hiring_manager: Member
    recruiter: str
    openings: int
    skills: dict[int, tuple[int, int, bool]]  # place in the taxonomy -> importance, least level, required
    appeal: float  # how attractive beyond fit
    status: str = "draft"
    slot: int = -1  # column of the client's book while open
    filled: int = 0
    opened_at: int = 0
    reopenings: int = 0
    applications: list[Application] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        return self.status == "open"


@dataclass(slots=True, eq=False)
class Application:
    """An application and where it stands."""

    id: int
    opportunity: Opportunity
    member: Member
    source: str
    recommendation_id: int | None
    merit: float  # what the hiring side will come to see: fit and luck
    applied_at: int
    step: int = 0  # index of the client's stages for this kind
    status: str = "active"
    interview_ids: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """A deployed version of the matching engine."""

    id: int
    name: str
    version: str
