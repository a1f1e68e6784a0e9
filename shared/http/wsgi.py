"""The WSGI application, safe against headers that Django reads before any of its own safeguards."""

import sys
from typing import Any

import django
import structlog
from django.conf import settings
from django.core.handlers.wsgi import LimitedStream, WSGIHandler, WSGIRequest
from django.utils.http import parse_header_parameters

from shared.settings.env import WrongSetting

log = structlog.get_logger(__name__)


class _Request(WSGIRequest):
    """A request whose Content-Type may be garbage: then it has none, and a body of it is refused with 415.

    Its `charset` is not heeded, or `base64` would be asked to decode the query string: all is UTF-8 here.
    A body that comes in chunks says no length: it may have as much as is ever taken, and is read that far.
    """

    def __init__(self, environ: dict[str, Any]) -> None:
        if environ.get("wsgi.input_terminated") and "HTTP_TRANSFER_ENCODING" in environ:
            most: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
            environ["CONTENT_LENGTH"] = str(most)
            environ["wsgi.input"] = _Chunks(environ["wsgi.input"], most)
        super().__init__(environ)

    def _set_content_type_params(self, meta: Any) -> None:
        try:
            self.content_type, self.content_params = parse_header_parameters(meta.get("CONTENT_TYPE", ""))
        except ValueError:
            self.content_type, self.content_params = "", {}


class _Chunks(LimitedStream):
    """What the server puts together of the chunks; it raises errors of its own when they are malformed."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Return so many bytes. Raises OSError, which Django takes for a body that cannot be read."""
        try:
            return super().read(size)
        except Exception as error:
            raise OSError("malformed chunks") from error


class _Handler(WSGIHandler):
    request_class = _Request


def application() -> WSGIHandler:
    """Return the application of the settings that DJANGO_SETTINGS_MODULE names.

    A setting that cannot be used ends the process with one line that names it.
    """
    try:
        django.setup(set_prefix=False)
    except WrongSetting as wrong:
        sys.exit(wrong.detail)
    for risk in settings.RISKS:
        log.warning("risky_setting", detail=risk)
    return _Handler()
