"""`flux doctor`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from orchestration.cli.output import examples, json_option, print_json, print_table

if TYPE_CHECKING:
    from orchestration.walk.doctor import Check


@click.command(epilog=examples("flux doctor", "flux doctor --json"))
@json_option
def command(as_json: bool) -> int:
    """Check everything from the source to the models, and say what to do.

    Changes nothing and waits for nobody. Exit code 1 when there is a problem; a warning alone is 0. Each check is named
    as its entry in docs/runbook.md.
    """
    from orchestration.settings import Settings
    from orchestration.walk import doctor

    settings, complaints = Settings.read_what_can_be_meant()
    checks = doctor.examine(settings, complaints)
    problems = [check for check in checks if check.level == doctor.PROBLEM]
    if as_json:
        print_json({"well": not problems, "checks": [_document(check) for check in checks]})
    else:
        rows = [[check.part, check.rule.title, check.level, check.text] for check in checks]
        print_table(("part", "check", "", "what"), rows)
        warnings = sum(check.level == doctor.WARNING for check in checks)
        click.echo(f"{len(problems)} problems, {warnings} warnings, {len(checks)} checks")
    return 1 if problems else 0


def _document(check: Check) -> dict[str, str]:
    return {
        "part": check.part,
        "name": check.name,
        "subject": check.subject,
        "level": check.level,
        "text": check.text,
        "what": check.what,
        "mend": check.mend,
        "owner": check.rule.owner,
        "runbook": check.rule.anchor,
    }
