"""The way to PAYT: which addresses we talk to, and what it means when no answer comes."""

import ssl
from urllib.parse import urlsplit

import requests
import urllib3

from .errors import PaytError, PaytForbidden, PaytTemporary

LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def checked_base_url(url: str) -> str:
    """The address without a trailing slash.

    :raise PaytForbidden: when it isn't https. Only a sandbox on this very machine may do without.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise PaytForbidden("PAYT is only reached over https.")
    if not parts.hostname or parts.username or parts.query or parts.fragment:
        raise PaytForbidden("This is not the address of a PAYT environment.")
    return url.rstrip("/")


def checked_upload_url(url: object, base_url: str) -> str:
    """The address PAYT named for a file, which may lie on another host (docs: models/file).

    :raise PaytError: when it would send the document over an open line
    """
    parts = urlsplit(str(url))
    if parts.scheme == "https" or (parts.scheme == urlsplit(base_url).scheme == "http" and parts.hostname in LOOPBACK):
        return str(url)
    raise PaytError("PAYT named an upload address that isn't https.")


def no_answer(error: requests.RequestException, what: str) -> PaytError:
    """The kind of error for a request without an answer. Its text takes nothing from the original's."""
    if _is_about_the_certificate(error):
        return PaytForbidden(f"The certificate of PAYT's server isn't valid: {what} was not sent.")
    if isinstance(error, requests.exceptions.ConnectTimeout) or _never_connected(error):
        return PaytTemporary(f"PAYT can't be reached: {what} was not sent.", maybe_processed=False)
    if isinstance(error, requests.exceptions.Timeout):
        return PaytTemporary(f"PAYT did not answer {what} in time.")
    if isinstance(error, requests.exceptions.ConnectionError | requests.exceptions.ChunkedEncodingError):
        return PaytTemporary(f"The connection to PAYT broke off during {what}.")
    if isinstance(error, requests.exceptions.ContentDecodingError):
        return PaytTemporary(f"PAYT's answer to {what} can't be read.")
    return PaytError(f"{what} can't be sent ({type(error).__name__}).")


def _is_about_the_certificate(error: BaseException | None) -> bool:
    """Not any trouble with TLS, which a broken connection is too; only one that a person has to look at.

    ``requests`` and urllib3 keep the cause now in their arguments, now as ``reason``.
    """
    seen: list[object] = [error]
    for item in seen:
        if isinstance(item, ssl.SSLCertVerificationError):
            return True
        if isinstance(item, BaseException) and len(seen) < 20:
            seen += [*item.args, getattr(item, "reason", None)]
    return False


def _never_connected(error: requests.RequestException) -> bool:
    """No connection could be made (refused, unknown host), so nothing left this machine."""
    cause = error.args[0] if error.args else None
    reason = getattr(cause, "reason", cause)
    return isinstance(reason, urllib3.exceptions.NewConnectionError)
