"""`flux doctor`."""

from __future__ import annotations

import click

from orchestration.cli.output import examples, json_option, print_json, print_table, read_settings


@click.command(epilog=examples("flux doctor", "flux doctor --json"))
@json_option
def command(as_json: bool) -> int:
    """Check source, log, warehouse and services, and say what to do.

    Changes nothing and waits for nobody. Exit code 1 when there is a problem; a warning alone is 0.
    """
    from dataclasses import asdict

    from orchestration.walk import doctor

    checks = doctor.examine(read_settings())
    problems = [check for check in checks if check.level == doctor.PROBLEM]
    if as_json:
        print_json({"well": not problems, "checks": [asdict(check) for check in checks]})
    else:
        print_table(
            ("part", "check", "", "what"), [[check.part, check.name, check.level, check.text] for check in checks]
        )
        warnings = sum(check.level == doctor.WARNING for check in checks)
        click.echo(f"{len(problems)} problems, {warnings} warnings, {len(checks)} checks")
    return 1 if problems else 0
