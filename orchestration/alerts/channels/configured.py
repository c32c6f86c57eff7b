"""The channels that the settings name."""

from __future__ import annotations

from orchestration.alerts.channels.channel import Channel
from orchestration.alerts.channels.email import Email
from orchestration.alerts.channels.pagerduty import PagerDuty
from orchestration.alerts.channels.webhook import Webhook
from orchestration.alerts.wording import Wording
from orchestration.errors import SettingError
from orchestration.settings import Settings


def channels(settings: Settings) -> list[Channel]:
    """Make the channels. Raises SettingError for one that is set by half."""
    wording = Wording.of(settings.home, settings.alert_runbook_url)
    found: list[Channel] = []
    if url := settings.alert_webhook:
        found.append(Webhook(url, wording))
    if url := settings.alert_smtp_url:
        readers = [reader.strip() for reader in (settings.alert_email_to or "").split(",") if reader.strip()]
        if not readers or settings.alert_email_from is None:
            raise SettingError("FLUX_ALERT_SMTP_URL wants FLUX_ALERT_EMAIL_FROM and FLUX_ALERT_EMAIL_TO beside it")
        found.append(Email(url, settings.alert_email_from, readers, wording))
    if key := settings.alert_pagerduty_key:
        found.append(PagerDuty(settings.alert_pagerduty_url, key, wording))
    return found
