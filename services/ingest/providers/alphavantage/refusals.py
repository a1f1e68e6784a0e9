"""What Alpha Vantage says instead of data: with HTTP 200, and advertising premium plans whatever is the matter."""

import json
import re
from typing import Any

from services.ingest.providers.alphavantage.series import COMPACT_ROWS
from services.ingest.providers.alphavantage.shapes import FULL_HISTORY, SHAPES, csv_lines, is_json
from services.ingest.providers.calls import Call, RawAnswer, Reading, Verdict
from services.ingest.providers.faults import BadProviderData
from services.ingest.providers.masking import MASK
from services.ingest.providers.strict_json import NotJson, loads

LONGEST_DETAIL = 300
_NOTICES = ("Error Message", "Information", "Note", "message")

# Note [Order of refusals]
# Every text ends in an advertisement, and that of the burst names the daily limit too: so each is known by words
# that those before it do not have, and `premium` decides last. The daily limit echoes the key.
_DECISIVE = (
    (Verdict.BAD_KEY, "apikey is invalid or missing"),
    (Verdict.UNKNOWN_FUNCTION, r"this api function \(.*does not exist"),
    (Verdict.INVALID_CALL, "invalid api call"),
    (Verdict.DAILY_LIMIT, "detected your api key|rate limit is 25 requests per day"),
    (Verdict.BURST, "spreading out|per second"),
    (Verdict.MINUTE_LIMIT, "call frequency|calls per minute"),
    (Verdict.VOLUME, "higher api call volume"),
    (Verdict.DEMO_KEY, "demo.*api key is for demo"),
    (Verdict.PREMIUM_ENDPOINT, "premium endpoint"),
    (Verdict.PREMIUM_PARAMETER, "is a premium feature"),
)
_RULES = tuple((verdict, re.compile(words, re.DOTALL)) for verdict, words in _DECISIVE)
_ECHOED_KEY = re.compile(r"(api key as )\S+", re.IGNORECASE)


def verdict_of(notice: str) -> Verdict:
    """Return what a notice refuses; see Note [Order of refusals]."""
    text = notice.lower()
    return next((verdict for verdict, words in _RULES if words.search(text)), Verdict.UNKNOWN_NOTICE)


def understand(call: Call, answer: RawAnswer) -> Reading:
    """Return what an answer is, whatever its bytes are."""
    body = answer.body.removeprefix(b"\xef\xbb\xbf").strip()
    if fault := _fault_of_transport(answer.status, body):
        return Reading(verdict=Verdict.TRANSPORT, detail=fault)
    try:
        if _is_csv(call) and not is_json(body):
            return _understand_csv(call, body)
        return _understand_json(call, loads(body))
    except NotJson as error:
        return Reading(verdict=Verdict.TRANSPORT, detail=_cut(error.detail))
    except BadProviderData as error:
        return Reading(verdict=Verdict.BAD_DATA, detail=_cut(error.detail))


def _fault_of_transport(status: int, body: bytes) -> str | None:
    if status != 200:
        return f"HTTP {status}"
    if not body:
        return "an empty body"
    return "an HTML page" if body.startswith(b"<") else None


def _is_csv(call: Call) -> bool:
    return SHAPES[call.function].is_csv_only or ("datatype", "csv") in call.params


def _understand_csv(call: Call, body: bytes) -> Reading:
    shape = SHAPES[call.function]
    header, *rows = csv_lines(body)
    if header != shape.header:
        raise BadProviderData(f"The header is '{header:.100}' where '{shape.header}' was expected.")
    found = any(rows) or shape.may_be_empty
    return Reading(verdict=Verdict.DATA if found else Verdict.NOT_FOUND)


def _understand_json(call: Call, value: Any) -> Reading:
    if not isinstance(value, dict):
        raise BadProviderData("The answer is no JSON object.")
    shape = SHAPES[call.function]
    payload = shape.payload(value)
    notice = " ".join(text for key in _NOTICES if isinstance(text := value.get(key), str))
    if payload or (payload is not None and shape.may_be_empty and not notice):
        if not shape.fits(payload):
            raise BadProviderData(f"The answer's data is a {type(payload).__name__}.")
        # So few rows would have come without the permission too: it is cut short, or the symbol is young.
        is_long = call.capability != FULL_HISTORY or len(payload) > COMPACT_ROWS
        return Reading(verdict=Verdict.DATA, detail=_cut(notice), shows_capability=is_long)
    if notice:
        return Reading(verdict=verdict_of(notice), detail=_cut(notice))
    if payload is not None or not value:
        return Reading(verdict=Verdict.NOT_FOUND)
    return Reading(verdict=Verdict.UNKNOWN_NOTICE, detail=_cut(json.dumps(value)))


def _cut(words: str) -> str:
    """Return the vendor's words, short, without a key in them and fit to be stored and shown."""
    shown = _ECHOED_KEY.sub(rf"\g<1>{MASK}", words)[:LONGEST_DETAIL]
    return "".join(character if character.isprintable() else " " for character in shown)
