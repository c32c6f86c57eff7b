"""Messages at strict stand-ins of each receiver: taken in the form that the real one takes, told when refused."""

from __future__ import annotations

import datetime as dt
import smtplib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from orchestration.alerts.channels.channel import Channel, ChannelError
from orchestration.alerts.channels.email import Email
from orchestration.alerts.channels.pagerduty import PagerDuty
from orchestration.alerts.channels.webhook import Webhook
from orchestration.alerts.incidents import Finding, Kind, Message
from orchestration.alerts.rules import RULES
from orchestration.alerts.wording import Wording
from tests.alerts.mailbox import PASSWORD, USER, Mailbox, mailbox
from tests.alerts.receivers import ROUTING_KEY, SECRET, Receiver, pagerduty, receiving, slack

WORDING = Wording("host:/var/flux", "https://docs.example.com/runbook.html")
AT = dt.datetime(2026, 11, 27, 3, 0, tzinfo=dt.UTC)


def message(kind: Kind = "opened", *, what: str = "lost <&> gone", rule: str = "slot_lost") -> Message:
    finding = Finding(rule, "flux", "problem", what, "make it & copy", "data-platform", "9 models (a, b)")
    return Message(kind, finding, AT, AT + dt.timedelta(minutes=7))


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with receiving(slack, SECRET) as receiver:
        yield receiver


@pytest.fixture
def pager() -> Iterator[Receiver]:
    with receiving(pagerduty, "/v2/enqueue") as receiver:
        yield receiver


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    with mailbox(tmp_path) as found:
        monkeypatch.setenv("SSL_CERT_FILE", str(found.certificate))
        yield found


def email(box: Mailbox, *, password: str = PASSWORD, to: str = "ops@example.com", scheme: str = "smtp") -> Email:
    url = f"{scheme}://{USER}:{quote(password, safe='')}@127.0.0.1:{box.port}"
    return Email(url, "flux@example.com", to.split(","), WORDING)


def test_slack_takes_each_kind_of_message_of_each_rule(hook: Receiver) -> None:
    channel = Webhook(hook.url, WORDING)
    kinds: tuple[Kind, ...] = ("opened", "worse", "closed", "test")
    for rule in RULES:
        for kind in kinds:
            assert channel.send(message(kind, rule=rule)) == "ok"
    assert hook.refused == []
    first = hook.taken[0]["text"]
    assert "*Flux: problem: Setting wrong (flux)*" in first
    assert "<https://docs.example.com/runbook.html#setting-wrong|Runbook>" in first
    assert "lost &lt;&amp;&gt; gone" in first


def test_slack_gets_no_text_that_it_would_split(hook: Receiver) -> None:
    long = "<" * 20_000
    assert Webhook(hook.url, WORDING).send(message(what=long)) == "ok"
    assert hook.refused == []


def test_a_refused_webhook_is_told_without_its_address(hook: Receiver) -> None:
    channel = Webhook(hook.url + "x", WORDING)
    with pytest.raises(ChannelError, match="the webhook answered 403: invalid_token") as caught:
        channel.send(message())
    assert caught.value.refused
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(("status", "refused"), [(500, False), (503, False), (429, False), (404, True), (410, True)])
def test_what_will_be_taken_later_is_told_apart_from_what_never_will(
    hook: Receiver, status: int, refused: bool
) -> None:
    hook.status = status
    with pytest.raises(ChannelError, match=str(status)) as caught:
        Webhook(hook.url, WORDING).send(message())
    assert caught.value.refused is refused


def test_a_webhook_that_moved_is_not_followed(hook: Receiver) -> None:
    hook.status, hook.headers = 302, {"Location": hook.url}
    with pytest.raises(ChannelError, match="302") as caught:
        Webhook(hook.url, WORDING).send(message())
    assert caught.value.refused
    assert hook.asked == 1


@pytest.mark.parametrize("channel", [Webhook("http://127.0.0.1:1/s3cret", WORDING), PagerDuty("http://127.0.0.1:1/", ROUTING_KEY, WORDING), Email("smtp://u:s3cret@127.0.0.1:1", "a@b.c", ["d@e.f"], WORDING)])  # fmt: skip  # noqa: E501
def test_a_receiver_that_is_down_is_told_without_a_secret(channel: Channel) -> None:
    with pytest.raises(ChannelError, match="cannot be reached: Connection refused") as caught:
        channel.send(message())
    assert not caught.value.refused
    assert "s3cret" not in str(caught.value)


def test_pagerduty_opens_and_resolves_one_incident(pager: Receiver) -> None:
    channel = PagerDuty(pager.url, ROUTING_KEY, WORDING)
    channel.send(message())
    channel.send(message("worse"))
    channel.send(message("closed"))
    assert pager.refused == []
    assert [event["event_action"] for event in pager.taken] == ["trigger", "trigger", "resolve"]
    assert len({event["dedup_key"] for event in pager.taken}) == 1
    payload = pager.taken[0]["payload"]
    assert (payload["severity"], payload["class"], payload["source"]) == ("critical", "slot_lost", "host:/var/flux")
    assert payload["custom_details"]["impact"] == "9 models (a, b)"
    assert pager.taken[0]["links"] == [{"href": WORDING.runbook + "#slot-lost", "text": "Runbook"}]


def test_two_instances_do_not_resolve_each_other(pager: Receiver) -> None:
    for instance in ("one", "two"):
        PagerDuty(pager.url, ROUTING_KEY, Wording(instance, "docs/runbook.md")).send(message())
    assert len({event["dedup_key"] for event in pager.taken}) == 2
    assert "links" not in pager.taken[0]


def test_pagerduty_takes_long_words_and_a_test_calls_nobody(pager: Receiver) -> None:
    channel = PagerDuty(pager.url, ROUTING_KEY, WORDING)
    channel.send(message(what="x" * 50_000))
    channel.send(message("test"))
    assert pager.refused == []
    assert [event["event_action"] for event in pager.taken] == ["trigger", "trigger", "resolve"]
    assert pager.taken[1]["payload"]["severity"] == "info"


def test_pagerduty_refuses_a_wrong_key_and_the_answer_is_told(pager: Receiver) -> None:
    with pytest.raises(ChannelError, match=r"400.*routing_key") as caught:
        PagerDuty(pager.url, "short", WORDING).send(message())
    assert caught.value.refused


def test_mail_goes_out_over_starttls_with_a_password(box: Mailbox) -> None:
    channel = email(box, to="ops@example.com,two@example.com")
    assert channel.send(message()) == "taken for 2 readers"
    channel.send(message("closed"))
    opened, closed = box.mails
    assert opened["Subject"] == "Flux: problem: Slot lost (flux)"
    assert closed["Subject"] == "Flux: well again: Slot lost (flux)"
    assert closed["References"] == opened["Message-ID"]
    text = opened.get_content()
    assert "Do: make it & copy" in text
    assert "Runbook: https://docs.example.com/runbook.html#slot-lost" in text
    assert box.readers == ["ops@example.com", "two@example.com"] * 2


def test_mail_goes_out_over_tls_from_the_first_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with mailbox(tmp_path, implicit=True) as box:
        monkeypatch.setenv("SSL_CERT_FILE", str(box.certificate))
        channel = Email(f"smtps://127.0.0.1:{box.port}", "flux@example.com", ["ops@example.com"], WORDING)
        channel.send(message())
        assert len(box.mails) == 1


def test_a_server_with_a_strange_certificate_gets_no_password(box: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(ChannelError, match="certificate is not trusted") as caught:
        email(box).send(message())
    assert not caught.value.refused
    assert box.mails == []


def test_a_server_without_starttls_is_refused_unless_it_is_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mailbox(tmp_path, tls=False) as box:
        channel = Email(f"smtp://127.0.0.1:{box.port}", "flux@example.com", ["ops@example.com"], WORDING)
        channel.send(message())
        assert len(box.mails) == 1
        monkeypatch.setattr("orchestration.alerts.channels.email._is_here", lambda host: False)
        with pytest.raises(ChannelError, match="offers no STARTTLS"):
            channel.send(message())


@pytest.mark.parametrize(
    ("password", "to", "status", "refused"),
    [
        ("wrong", "ops@example.com", "", True),
        (PASSWORD, "ops@elsewhere.org", "", True),
        (PASSWORD, "ops@example.com,a@elsewhere.org", "", True),
        (PASSWORD, "ops@example.com", "451 4.3.0 try again later", False),
        (PASSWORD, "ops@example.com", "554 5.7.1 spam", True),
    ],
)
def test_what_the_mail_server_says_is_told(box: Mailbox, password: str, to: str, status: str, refused: bool) -> None:
    box.status = status
    with pytest.raises(ChannelError) as caught:
        email(box, password=password, to=to).send(message())
    assert caught.value.refused is refused
    assert PASSWORD not in str(caught.value)


def test_the_mail_stand_in_refuses_who_sends_without_tls(box: Mailbox) -> None:
    with smtplib.SMTP("127.0.0.1", box.port) as session, pytest.raises(smtplib.SMTPException, match="STARTTLS"):
        session.sendmail("flux@example.com", "ops@example.com", "hello")
