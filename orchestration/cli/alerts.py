"""`flux alerts`."""

from __future__ import annotations

import click

from orchestration.cli.output import examples, json_option, print_json, print_table, read_settings


@click.group(
    invoke_without_command=True,
    epilog=examples("flux alerts", "flux alerts test", "flux alerts watch", "flux alerts --json"),
)
@json_option
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> int:
    """List what is wrong and was told, and what no channel has taken yet.

    As of the last look of `flux up`, or of `flux alerts watch`. Exit code 1 while a problem is open.
    """
    if ctx.invoked_subcommand is not None:
        return 0
    from orchestration.alerts import ledger
    from orchestration.locks import is_held

    settings = read_settings()
    state = ledger.read(settings.alerts_path)
    told = [incident for incident in state.incidents if incident.told is not None]
    if as_json:
        print_json(
            {
                "watched": is_held(settings.alerts_lock),
                "looked_at": state.looked_at,
                "incidents": [_incident(incident) for incident in told],
                "due": [
                    {
                        "channel": due.channel,
                        "kind": due.message.kind,
                        "rule": due.message.finding.rule,
                        "subject": due.message.finding.subject,
                        "tries": due.tries,
                        "error": due.error,
                    }
                    for due in state.due
                ],
            }
        )
    else:
        rows = [
            [found.severity, found.rule, found.subject, incident.first_seen, found.owner, f"{found.what}; {found.mend}"]
            for incident in told
            for found in [incident.finding]
        ]
        print_table(("", "alert", "of", "since", "owner", "what"), rows)
        for due in state.due:
            click.echo(f"not taken yet by {due.channel}: {due.message.finding.rule}, {due.tries} tries: {due.error}")
        watched = "" if is_held(settings.alerts_lock) else "; nobody looks now: 'flux up' or 'flux alerts watch' does"
        looked = "never looked" if state.looked_at is None else f"looked at {state.looked_at:%Y-%m-%d %H:%M:%S} UTC"
        click.echo(f"{len(told)} open, {len(state.due)} messages due; {looked}{watched}")
    return 1 if any(incident.told == "problem" for incident in told) else 0


@command.command("test", epilog=examples("flux alerts test", "flux alerts test --json"))
@json_option
def test(as_json: bool) -> int:
    """Send a test message to each channel and say what came back. Exit code 1 when one did not take it."""
    from datetime import UTC, datetime

    from orchestration.alerts.channels.channel import ChannelError
    from orchestration.alerts.channels.configured import channels
    from orchestration.alerts.incidents import Finding, Message
    from orchestration.errors import SettingError

    found = channels(read_settings())
    if not found:
        raise SettingError("no channel is set; set FLUX_ALERT_WEBHOOK, FLUX_ALERT_SMTP_URL or FLUX_ALERT_PAGERDUTY_KEY")
    now = datetime.now(UTC)
    finding = Finding(
        "look_failed",
        "test",
        "warning",
        "somebody ran 'flux alerts test'; nothing is wrong",
        "nothing",
        "data-platform",
        "",
    )
    answers = []
    for channel in found:
        try:
            answers.append((channel.name, True, channel.send(Message("test", finding, now, now))))
        except ChannelError as error:
            answers.append((channel.name, False, str(error)))
    if as_json:
        print_json([{"channel": name, "taken": taken, "answer": answer} for name, taken, answer in answers])
    else:
        print_table(
            ("channel", "", "answer"), [[name, "taken" if ok else "NOT TAKEN", answer] for name, ok, answer in answers]
        )
    return 0 if all(taken for _, taken, _ in answers) else 1


@command.command("watch", epilog=examples("flux alerts watch", "FLUX_ALERT_SECONDS=30 flux alerts watch"))
def watch() -> int:
    """Look for what is wrong every FLUX_ALERT_SECONDS and tell the channels, until Ctrl-C.

    `flux up` does it by itself; this is for services that run each by itself. One process of a FLUX_HOME looks.
    """
    import logging

    from orchestration.alerts.watching import watch as keep_looking
    from orchestration.cli.stopping import stop_on_signals
    from orchestration.settings import Settings

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    settings, complaints = Settings.read_what_can_be_meant()
    with stop_on_signals() as stop:
        click.echo(f"looking every {settings.alert_seconds:g} s", err=True)
        keep_looking(settings, stop, complaints)
    return 0


def _incident(incident: object) -> dict[str, object]:
    from dataclasses import asdict

    from orchestration.alerts.incidents import Incident
    from orchestration.alerts.rules import RULES

    assert isinstance(incident, Incident)
    found = asdict(incident.finding)
    return {
        **found,
        "runbook": RULES[incident.finding.rule].anchor,
        "first_seen": incident.first_seen,
        "last_seen": incident.last_seen,
    }
