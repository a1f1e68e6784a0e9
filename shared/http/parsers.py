"""Request bodies are hostile until parsed."""

from typing import Any, ClassVar
from urllib.parse import parse_qsl

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


class StrictFormParser(BaseParser):
    """The fields of a form as older pages send them: each once, all of them text."""

    media_type = "application/x-www-form-urlencoded"
    limit_bytes: ClassVar[int] = MAX_EVENT_BYTES

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> dict[str, Any]:
        """Return the object. Raises ParseError (400) and BodyTooLarge (413)."""
        body = stream.read(self.limit_bytes + 1)
        if len(body) > self.limit_bytes:
            raise BodyTooLarge(self.limit_bytes)
        try:
            pairs = parse_qsl(
                body.decode("ascii"),
                keep_blank_values=True,
                strict_parsing=True,
                errors="strict",
                max_num_fields=100,
            )
        except ValueError:
            raise ParseError("The body should be the fields of a form, in UTF-8.") from None
        fields = dict(pairs)
        if len(fields) < len(pairs):
            raise ParseError("A field of the form is given twice.")
        return fields


class LongBodyParser(StrictJSONParser):
    """Reads bodies of megabytes, to say that the password in them is too long."""

    limit_bytes = 2_500_000
