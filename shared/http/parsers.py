"""Request bodies are hostile until parsed."""

from typing import Any

from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser

from shared.contracts.codec import MAX_EVENT_BYTES, MalformedEvent, OversizeEvent, loads


class BodyTooLarge(APIException):
    """Raised for a body above the limit."""

    status_code = 413
    default_detail = f"The body is too large; at most {MAX_EVENT_BYTES} bytes are taken."


class StrictJSONParser(BaseParser):
    """JSON objects only, as strict and as small as events are."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> dict[str, Any]:
        """Return the object. Raises ParseError (400) and BodyTooLarge (413)."""
        body = stream.read(MAX_EVENT_BYTES + 1)
        try:
            value = loads(body)
        except OversizeEvent:
            raise BodyTooLarge from None
        except MalformedEvent as error:
            raise ParseError(error.detail) from None
        if not isinstance(value, dict):
            raise ParseError("The body should be a JSON object.")
        return value
