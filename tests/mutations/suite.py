"""The catalogue of mutations, their trials, and the table that is published of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.mutations.project import Project

LEAST_SHARE = 0.95
CATALOGUE = Path(__file__).parent / "mutations.yaml"


@dataclass(frozen=True)
class Mutation:
    """One thing that is broken in one model."""

    model: str
    what: str
    before: str
    after: str
    survives: str = ""  # why no test can notice

    def apply(self, sql: str) -> str:
        """Raises LookupError when the model no longer has the text, once."""
        if sql.count(self.before) != 1:
            raise LookupError(
                f"{self.model}: {self.before!r} occurs {sql.count(self.before)} times in the compiled SQL, not once;"
                f" the model has changed: bring {self.what!r} in {CATALOGUE.name} up to date"
            )
        return sql.replace(self.before, self.after)


@dataclass(frozen=True)
class Trial:
    """What noticed a mutation first; nothing when it survived."""

    mutation: Mutation
    caught_by: str | None


def catalogue() -> list[Mutation]:
    document = yaml.safe_load(CATALOGUE.read_text(encoding="utf-8"))
    return [
        Mutation(model, entry["what"], entry["from"], entry["to"], entry.get("survives", ""))
        for model, entries in document.items()
        for entry in entries
    ]


def trials(project: Project, mutations: Iterable[Mutation]) -> Iterator[Trial]:
    for mutation in mutations:
        sql = mutation.apply(project.models[mutation.model].sql)
        yield Trial(mutation, next(project.catchers(mutation.model, sql, (mutation.before, mutation.after)), None))


def complaints(done: Sequence[Trial]) -> list[str]:
    """What is wrong with the outcome: survivors without a reason, reasons without a survivor, too low a score."""
    named = {trial: f"{trial.mutation.model}: {trial.mutation.what}" for trial in done}
    wrong = [
        f"{name}: no test notices; add one, or give the reason in {CATALOGUE.name} (survives)"
        for trial, name in named.items()
        if not trial.caught_by and not trial.mutation.survives
    ]
    wrong += [
        f"{name}: {trial.caught_by} notices, so it does not survive; drop the reason in {CATALOGUE.name}"
        for trial, name in named.items()
        if trial.caught_by and trial.mutation.survives
    ]
    share = sum(trial.caught_by is not None for trial in done) / len(done)
    return [
        *wrong,
        *([f"{share:.1%} of the mutations are caught, less than {LEAST_SHARE:.0%}"] * (share < LEAST_SHARE)),
    ]
