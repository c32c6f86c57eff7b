"""Break the models one thing at a time; every mutation must be caught.

    make test-mutations                      # or: python -m tests.mutations
    python -m tests.mutations --write        # docs/mutations.md anew
    python -m tests.mutations fct_moves      # some models only; with --write their rows of it anew

Exit 1 when a mutation survives without a reason, when one with a reason is caught, or below 95 %.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.mutations.document import DOCUMENT, document, generated
from tests.mutations.project import built_project
from tests.mutations.suite import LEAST_SHARE, catalogue, complaints, trials


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutations", description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", help="break these models only")
    parser.add_argument("--write", action="store_true", help="write what was tried into docs/mutations.md")
    options = parser.parse_args()
    mutations = [one for one in catalogue() if not options.models or one.model in options.models]
    done = []
    with tempfile.TemporaryDirectory() as home:
        print("building the small warehouse with all models and tests", flush=True)
        with built_project(Path(home)) as project:
            for number, trial in enumerate(trials(project, mutations), 1):
                done.append(trial)
                verdict = trial.caught_by or "SURVIVES"
                print(f"{number}/{len(mutations)} {trial.mutation.model}: {trial.mutation.what}: {verdict}", flush=True)
    caught = sum(trial.caught_by is not None for trial in done)
    print(f"{caught} of {len(done)} mutations caught ({caught / len(done):.1%}, goal {LEAST_SHARE:.0%})")
    wrong = complaints(done)
    if options.write:
        DOCUMENT.write_text(document(done, generated()), encoding="utf-8")
    for complaint in wrong:
        print(complaint, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
