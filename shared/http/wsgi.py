"""The WSGI application, safe against headers that Django reads before any of its own safeguards."""

import sys
from typing import Any

import django
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.utils.http import parse_header_parameters

from shared.settings.env import WrongSetting


class _Request(WSGIRequest):
    """A request whose Content-Type may be garbage: then it has none, and a body of it is refused with 415.

    Its `charset` is not heeded, or `base64` would be asked to decode the query string: all is UTF-8 here.
    """

    def _set_content_type_params(self, meta: Any) -> None:
        try:
            self.content_type, self.content_params = parse_header_parameters(meta.get("CONTENT_TYPE", ""))
        except ValueError:
            self.content_type, self.content_params = "", {}


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
    return _Handler()
