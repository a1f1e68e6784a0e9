"""Request bodies are hostile until parsed."""

from typing import Any, ClassVar

from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser

from shared.contracts.codec import MAX_EVENT_BYTES, MalformedEvent, OversizeEvent, loads


class BodyTooLarge(APIException):
    """Raised for a body above the limit."""

    status_code = 413

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"The body is too large; at most {limit_bytes} bytes are taken.")


class StrictJSONParser(BaseParser):
    """JSON objects only, as strict and as small as events are."""

    media_type = "application/json"
    limit_bytes: ClassVar[int] = MAX_EVENT_BYTES

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> dict[str, Any]:
        """Return the object. Raises ParseError (400) and BodyTooLarge (413)."""
        body = stream.read(self.limit_bytes + 1)
        try:
            value = loads(body, limit_bytes=self.limit_bytes)
        except OversizeEvent:
            raise BodyTooLarge(self.limit_bytes) from None
        except MalformedEvent as error:
            raise ParseError(error.detail) from None
        if not isinstance(value, dict):
            raise ParseError("The body should be a JSON object.")
        return value


class LongBodyParser(StrictJSONParser):
    """Reads bodies of megabytes, to say that the password in them is too long."""

    limit_bytes = 2_500_000
