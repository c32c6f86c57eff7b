"""The words of the story: invented companies, people's names, places and sentences. No real company, no real person."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

_FOLDER = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True)
class City:
    """A site of a company."""

    name: str
    country: str
    region: str
    lat: str
    lon: str
    timezone: str
    locale: str


@dataclass(frozen=True, slots=True)
class Company:
    """A client company and its share of all members."""

    slug: str
    name: str
    industry: str
    region: str
    plan: str
    currency: str
    share: float
    ml_opt_out: bool
    cities: tuple[City, ...]

    @property
    def timezone(self) -> str:
        return self.cities[0].timezone


FRANKFURT = City("Frankfurt am Main", "DE", "Hesse", "50.110924", "8.682127", "Europe/Berlin", "de-DE")
PARIS = City("Paris", "FR", "Ile-de-France", "48.856613", "2.352222", "Europe/Paris", "fr-FR")
DUBLIN = City("Dublin", "IE", "Leinster", "53.349805", "-6.260310", "Europe/Dublin", "en-IE")
CHICAGO = City("Chicago", "US", "Illinois", "41.878113", "-87.629799", "America/Chicago", "en-US")
DETROIT = City("Detroit", "US", "Michigan", "42.331429", "-83.045753", "America/Detroit", "en-US")
MONTERREY = City("Monterrey", "MX", "Nuevo Leon", "25.686613", "-100.316116", "America/Monterrey", "es-MX")
SINGAPORE = City("Singapore", "SG", "Singapore", "1.352083", "103.819839", "Asia/Singapore", "en-SG")
TOKYO = City("Tokyo", "JP", "Tokyo", "35.676192", "139.650311", "Asia/Tokyo", "ja-JP")
BOSTON = City("Boston", "US", "Massachusetts", "42.360081", "-71.058884", "America/New_York", "en-US")
BASEL = City("Basel", "CH", "Basel-Stadt", "47.559601", "7.588576", "Europe/Zurich", "de-CH")
_AMERICAN = (DETROIT, CHICAGO, MONTERREY)

COMPANIES = (
    Company("meridian", "Meridian Bank", "banking", "eu", "enterprise", "EUR", 0.47, False, (FRANKFURT, PARIS, DUBLIN)),
    Company("halden", "Halden Works", "manufacturing", "us", "growth", "USD", 0.28, False, _AMERICAN),
    Company("kitebird", "Kitebird Software", "software", "ap", "growth", "SGD", 0.16, False, (SINGAPORE, TOKYO)),
    Company("linden", "Linden Life Sciences", "pharma", "us", "starter", "USD", 0.09, True, (BOSTON, BASEL)),
)


FIRST_NAMES = tuple((_FOLDER / "first_names.txt").read_text(encoding="utf-8").split())
LAST_NAMES = tuple((_FOLDER / "last_names.txt").read_text(encoding="utf-8").split())
_VERBS = tuple((_FOLDER / "verbs.txt").read_text(encoding="utf-8").split())
_OPENINGS = (
    "You will {verb} {thing} together with {who}.",
    "We are looking for somebody who likes to {verb} {thing}.",
    "In the first three months you {verb} {thing}; after that you decide with {who} what comes next.",
    "The team has to {verb} {thing} before the end of the quarter, and {who} will help you with it.",
    "Your work makes it possible for {who} to {verb} {thing}.",
    "It helps if you have already had to {verb} {thing}, but curiosity counts for more.",
    "{who} will be your contact; you report on how we {verb} {thing}.",
    "Expect to {verb} {thing} about half of your time.",
)
_THINGS = (
    "the monthly reporting",
    "our supplier onboarding",
    "the new pricing engine",
    "a shared data catalogue",
    "the training material for new colleagues",
    "the complaints process",
    "an internal knowledge base",
    "the production schedule",
    "our risk register",
    "the customer portal",
    "the quarterly forecast",
    "a pilot in two regions",
    "the incident reviews",
    "the quality checks at line four",
    "our sustainability report",
    "the access rights of old systems",
    "a prototype for the spring fair",
    "the hand-over between shifts",
    "the release checklist",
    "the regulator's questions",
    "our interview guides",
    "the budget of the programme",
    "an experiment with two thousand customers",
    "the spare parts inventory",
)
_PEOPLE = (
    "a team of five",
    "colleagues in three countries",
    "the head of the department",
    "two senior engineers",
    "our partners in sales",
    "the finance team",
    "the works council",
    "a mentor of your choice",
    "the product managers",
    "the shift leaders",
)


def _pool() -> tuple[str, ...]:
    chance = random.Random(7)  # noqa: S311 - the pool is always the same
    sentences = []
    for _ in range(1200):
        sentence = chance.choice(_OPENINGS).format(
            verb=chance.choice(_VERBS), thing=chance.choice(_THINGS), who=chance.choice(_PEOPLE)
        )
        sentences.append(sentence[0].upper() + sentence[1:])
    return tuple(sentences)


_SENTENCES = _pool()
_SENTENCE_LENGTH = sum(map(len, _SENTENCES)) // len(_SENTENCES)


def prose(chance: random.Random, characters: int) -> str:
    """Write about so many characters of sentences."""
    return " ".join(chance.choices(_SENTENCES, k=max(1, characters // _SENTENCE_LENGTH)))
