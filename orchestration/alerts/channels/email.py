"""E-mail by SMTP: `smtp://` with STARTTLS, `smtps://` with TLS from the first byte.

A server that offers no STARTTLS is refused, and gets no password, unless it is this very machine (a relay on loopback).
Certificates are checked against the system's, or those that SSL_CERT_FILE names.
"""

from __future__ import annotations

import hashlib
import ipaddress
import smtplib
import ssl
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from orchestration.alerts.channels.channel import SECONDS, ChannelError
from orchestration.alerts.incidents import Message
from orchestration.alerts.wording import Wording

_PORTS: Final = {"smtp": 587, "smtps": 465}
_PERMANENT: Final = 500


class Email:
    """One sender with its readers."""

    name = "email"

    def __init__(self, url: str, sender: str, readers: list[str], wording: Wording) -> None:
        self._url, self._sender, self._readers, self._wording = urlsplit(url), sender, readers, wording

    def send(self, message: Message) -> str:
        """Hand a message over."""
        try:
            with _session(self._url) as session:
                refused = session.send_message(self._mail(message))
        except smtplib.SMTPRecipientsRefused as error:
            codes = {code for code, _ in error.recipients.values()}
            raise ChannelError(
                f"the mail server refused every reader: {_codes(codes)}", refused=min(codes) >= _PERMANENT
            ) from None
        except smtplib.SMTPResponseException as error:
            raise ChannelError(
                f"the mail server answered {error.smtp_code}: {_words(error.smtp_error)}",
                refused=error.smtp_code >= _PERMANENT,
            ) from None
        except smtplib.SMTPException as error:
            raise ChannelError(f"the mail server does not do as wanted: {error}") from None
        except ssl.SSLCertVerificationError as error:
            raise ChannelError(f"the mail server's certificate is not trusted: {error.verify_message}") from None
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise ChannelError(f"the mail server cannot be reached: {reason}") from None
        if refused:
            raise ChannelError(f"the mail server refused {len(refused)} of {len(self._readers)} readers", refused=True)
        return f"taken for {len(self._readers)} readers"

    def _mail(self, message: Message) -> EmailMessage:
        mail = EmailMessage()
        mail["Subject"] = self._wording.title(message)
        mail["From"], mail["To"] = self._sender, ", ".join(self._readers)
        mail["Date"] = format_datetime(message.at)
        key = hashlib.sha256(
            f"{self._wording.instance} {message.finding.key} {message.first_seen}".encode()
        ).hexdigest()
        mail["Message-ID"] = f"<{key[:32]}.{message.kind}@flux.invalid>"
        if message.kind in ("worse", "closed"):
            mail["References"] = f"<{key[:32]}.opened@flux.invalid>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(self._wording.text(message))
        return mail


def _session(url: SplitResult) -> smtplib.SMTP:
    host, port = url.hostname or "", url.port or _PORTS[url.scheme]
    context = ssl.create_default_context()
    session: smtplib.SMTP
    if url.scheme == "smtps":
        session = smtplib.SMTP_SSL(host, port, timeout=SECONDS, context=context)
    else:
        session = smtplib.SMTP(host, port, timeout=SECONDS)
    try:
        if url.scheme == "smtp":
            session.ehlo()
            if session.has_extn("starttls"):
                session.starttls(context=context)
                session.ehlo()
            elif not _is_here(host):
                raise ChannelError("the mail server offers no STARTTLS; use smtps:// or another port", refused=True)
        if url.username is not None:
            session.login(unquote(url.username), unquote(url.password or ""))
    except BaseException:
        session.close()
        raise
    return session


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _codes(codes: set[int]) -> str:
    return ", ".join(map(str, sorted(codes)))


def _words(answer: bytes | str) -> str:
    text = answer.decode(errors="replace") if isinstance(answer, bytes) else answer
    return " ".join(text.split())[:200]
