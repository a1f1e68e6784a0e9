"""Answers that a caller may keep as long as it asks each time whether they still hold: ETag, 304 and 412."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import get_conditional_response, set_response_etag
from rest_framework.request import Request
from rest_framework.response import Response

from shared.http.document import document_hash
from shared.http.operations import Operation
from shared.http.problems import problem_response

REVALIDATED = "private, no-cache"


class Revalidated(Operation):
    """A read whose answer carries an `ETag`, and is 304 for a caller who names it in `If-None-Match`."""

    def tag(self, *facts: object) -> str:
        """Return the strong tag of what this request is shown, when `facts` alone decide it.

        The document stands for the code: a release that changes an answer's shape changes all tags.
        """
        named = [document_hash(), self.request.path.rstrip("/"), self.query, *facts]
        digest = hashlib.sha256(json.dumps(named, sort_keys=True, default=str).encode()).hexdigest()
        return f'"{digest[:32]}"'

    def tagged(self, tag: str, build: Callable[[], HttpResponseBase]) -> HttpResponseBase:
        """Return what `build` makes, under `tag`; a caller who has it already is told so and nothing is made."""
        unchanged = _unless_changed(self.request, tag)
        if unchanged is not None:
            return unchanged
        answer = build()
        answer["ETag"] = tag
        return answer

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Let the answer be kept, and tag it by its bytes when it has no tag yet."""
        answer = super().finalize_response(request, response, *args, **kwargs)
        if answer.status_code in (200, 304):
            answer["Cache-Control"] = REVALIDATED
        if answer.status_code == 200 and "ETag" not in answer and isinstance(answer, Response):
            answer.add_post_render_callback(self._by_its_bytes)
        return answer

    def _by_its_bytes(self, response: HttpResponse) -> HttpResponse | None:
        set_response_etag(response)
        answer = _unless_changed(self.request, response["ETag"])
        if answer is not None:
            for name, value in response.headers.items():
                if not name.startswith("Content-"):
                    answer.headers.setdefault(name, value)
        return answer


def _unless_changed(request: HttpRequest, tag: str) -> HttpResponse | None:
    """Return the 304 or 412 that the request's conditions ask for, None to answer in full."""
    # No answer has a date of change, so that conditions on one do not apply (RFC 9110, 13.1.4).
    request.META.pop("HTTP_IF_UNMODIFIED_SINCE", None)
    answer = get_conditional_response(request, etag=tag)
    if answer is None:
        return None
    if answer.status_code == 412:
        return problem_response(request, 412, "What you ask for is not what `If-Match` names.")
    answer["ETag"] = tag
    unchanged: HttpResponse = answer
    return unchanged
