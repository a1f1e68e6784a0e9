"""One GET of a remote provider: within a deadline, below a size, without redirects, and never showing the key."""

import logging
import re
from collections.abc import Mapping
from concurrent.futures import Future
from threading import Event, Thread

import requests
import urllib3
from requests.exceptions import ConnectTimeout, ReadTimeout, SSLError

from services.ingest.providers.calls import RawAnswer
from services.ingest.providers.faults import ProviderUnavailable
from services.ingest.providers.masking import masked_bytes

DEADLINE_SECONDS = 20.0
MOST_BYTES = 8 * 2**20
CONNECT_SECONDS, SILENCE_SECONDS = 5.0, 5.0
CHUNK_BYTES = 2**16

_QUERY = re.compile(r"\?[^\s\"')]*")
_FAILURES = (requests.RequestException, urllib3.exceptions.HTTPError, OSError, UnicodeError)


def get(
    url: str,
    *,
    params: Mapping[str, str],
    headers: Mapping[str, str] | None = None,
    secret: str,
    deadline_seconds: float = DEADLINE_SECONDS,
    most_bytes: int = MOST_BYTES,
) -> RawAnswer:
    """Return what `url` answers, whatever its status below 300 or above 399, with `secret` masked in the body.

    The deadline is for all of it, from the name's look-up to the last byte; `most_bytes` counts decoded ones.

    Raises:
        ProviderUnavailable: there is no whole answer, or it is a redirect; the text never holds query or secret.
    """
    answer: Future[RawAnswer] = Future()
    given_up = Event()

    def ask() -> None:
        try:
            answer.set_result(_answer(url, params, headers or {}, most_bytes, given_up))
        except BaseException as error:  # noqa: BLE001  handed to the caller, who waits for it
            answer.set_exception(error)

    # A thread of its own, since the timeouts of sockets bound neither a look-up nor a vendor who sends byte by byte.
    Thread(target=ask, name="provider-call", daemon=True).start()
    try:
        found = answer.result(timeout=deadline_seconds)
    except TimeoutError:
        given_up.set()
        raise ProviderUnavailable(f"There was no whole answer within {deadline_seconds:g} seconds.") from None
    return RawAnswer(status=found.status, body=masked_bytes(found.body, secret))


def _answer(
    url: str, params: Mapping[str, str], headers: Mapping[str, str], most_bytes: int, given_up: Event
) -> RawAnswer:
    try:
        with requests.Session() as session:
            session.trust_env = False  # neither .netrc nor a proxy of the environment learns the key
            with session.get(
                url,
                params=dict(params),
                headers=dict(headers),
                timeout=(CONNECT_SECONDS, SILENCE_SECONDS),
                allow_redirects=False,
                stream=True,
            ) as response:
                if 300 <= response.status_code < 400:
                    raise ProviderUnavailable(f"It redirects elsewhere (HTTP {response.status_code}).")
                return RawAnswer(status=response.status_code, body=_body(response.raw, most_bytes, given_up))
    except _FAILURES as error:
        reason = _reason(error)
    # Raised out here, so that no context leads back to an error that has the URL with the key in it.
    raise ProviderUnavailable(reason)


def _body(raw: urllib3.BaseHTTPResponse, most_bytes: int, given_up: Event) -> bytes:
    body = bytearray()
    # read1 returns what has come; read would wait for a whole chunk, however slowly it trickles in.
    while chunk := raw.read1(CHUNK_BYTES, decode_content=True):
        body += chunk
        if len(body) > most_bytes:
            raise ProviderUnavailable(f"The answer is larger than {most_bytes} bytes.")
        if given_up.is_set():
            raise ProviderUnavailable("Nobody waits for the answer any more.")
    return bytes(body)


def _reason(error: Exception) -> str:
    """Return what went wrong in our own words: those of libraries hold the URL and the headers."""
    if isinstance(error, ConnectTimeout):
        return f"No connection was made within {CONNECT_SECONDS:g} seconds."
    if isinstance(error, (ReadTimeout, urllib3.exceptions.ReadTimeoutError)):
        return f"Nothing was sent for {SILENCE_SECONDS:g} seconds."
    if isinstance(error, (SSLError, urllib3.exceptions.SSLError)):
        return "The encrypted connection failed, or the certificate is not valid."
    if isinstance(error, (requests.ConnectionError, urllib3.exceptions.ProtocolError, OSError)):
        return "The connection could not be made, or it broke."
    return f"The request or the answer is malformed ({type(error).__name__})."


class _WithoutQueries(logging.Filter):
    """Cuts the query, where the key is, off every URL in the lines of urllib3."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = _QUERY.sub("?...", record.getMessage()), ()
        return True


for _name in ("connectionpool", "poolmanager", "connection", "response", "util.retry"):
    logging.getLogger(f"urllib3.{_name}").addFilter(_WithoutQueries())
