"""Read JSON that a vendor sent: only what can mean one thing, and numbers exactly as they are written."""

import json
from typing import Any

from services.ingest.providers.faults import BadProviderData
from shared.contracts.codec import MalformedEvent, to_json


class NotJson(BadProviderData):
    """Raised when a body is not JSON at all, or was cut short; it may come whole the next time."""

    slug, title = "provider-not-json", "The provider's answer is not JSON"


def loads(body: bytes) -> Any:
    """Return the value of a JSON body, with or without a byte order mark; **numbers are their text**, `"1.50"`.

    So nothing is rounded, and a number too large to compute with is refused where its text is read.

    Raises:
        NotJson: the body is not UTF-8 or not one JSON text and nothing after it.
        BadProviderData: a key stands twice in one object, a number is not finite, text cannot be stored (NUL, lone
            surrogates), or the nesting is too deep.
    """
    try:
        value = json.loads(
            body.decode("utf-8-sig"),
            parse_float=str,
            parse_int=str,
            parse_constant=_refuse,
            object_pairs_hook=_unique,
        )
        return to_json(value)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise NotJson(f"The answer is not JSON: {error}.") from None
    except MalformedEvent as error:
        raise BadProviderData(f"The answer cannot be kept: {error.detail}") from None
    except RecursionError:
        raise BadProviderData("The answer is nested too deeply.") from None


def _refuse(text: str) -> Any:
    raise BadProviderData(f"The answer has {text} in it, which is no number.")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise BadProviderData(f"The answer has the key {key!r:.80} twice in one object.")
        found[key] = value
    return found
