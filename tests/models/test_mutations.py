"""Some of the mutations; make test-mutations runs them all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.mutations.document import NOTHING, document, generated, told
from tests.mutations.project import Project
from tests.mutations.suite import LEAST_SHARE, catalogue, complaints, trials

SAMPLE = ("int_application_stage_entries", "int_impressions_clicked", "fct_applications", "rpt_time_to_hire_weekly")


@pytest.fixture(scope="module")
def project(built: Path, built_unruly: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The rows of the untidy product; SQL is compiled alike for both, and unit tests for one of them."""
    copy = tmp_path_factory.mktemp("mutations") / built_unruly.name  # views name the file's catalogue
    shutil.copy(built_unruly, copy)
    with duckdb.connect(str(copy)) as connection:
        yield Project(built.parent / "target", connection)


@pytest.mark.slow
def test_models_as_they_are_break_nothing(project: Project) -> None:
    for name in ("int_client_weeks", "int_members_versioned", "int_identity_map"):
        assert not list(project.catchers(name, project.models[name].sql))


@pytest.mark.slow
def test_broken_models_are_noticed(project: Project) -> None:
    done = list(trials(project, [mutation for mutation in catalogue() if mutation.model in SAMPLE]))
    assert not complaints([trial for trial in done if not trial.mutation.survives])
    assert len(done) > 15
    assert {str(trial.caught_by).split()[0] for trial in done} >= {"unit", "singular", "oracle"}


@pytest.mark.slow
def test_every_mutation_fits_the_model_as_it_is(project: Project) -> None:
    occurs = {mutation: project.models[mutation.model].sql.count(mutation.before) for mutation in catalogue()}
    assert [f"{one.model}: {one.what}" for one, times in occurs.items() if times != 1] == []


def test_the_published_table_names_every_mutation_and_the_goal() -> None:
    mutations, known = catalogue(), told(generated())
    assert len({(mutation.model, mutation.what) for mutation in mutations}) == len(mutations) >= 60
    assert {(m.model, m.what) for m in mutations} == known.keys()
    assert {m.what for m in mutations if m.survives} == {what for (_, what), by in known.items() if by == NOTHING}
    assert document([], generated()) == generated(), "python -m tests.mutations MODEL --write"
    assert sum(not mutation.survives for mutation in mutations) / len(mutations) >= LEAST_SHARE
    assert all(mutation.before != mutation.after for mutation in mutations)
