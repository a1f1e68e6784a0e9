"""What each kind of problem means: the addresses that the `type` of every problem names."""

import inspect
from dataclasses import asdict, dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse

from shared.errors import BellwetherError
from shared.http.pages import browser_wants_html, page, page_route
from shared.http.problems import SLUGS

_BY_STATUS = {
    400: "Answered when the request is broken before its fields are looked at, such as a body that is no JSON.",
    401: "Answered when a request comes without a token or login session, or with one that is unknown, revoked or "
    "expired.",
    403: "Answered when the caller is known and may not do this.",
    404: "Answered when there is nothing at the address.",
    405: "Answered when the address does not know the method; the header Allow names those that it knows.",
    406: "Answered when the header Accept permits no format that there is.",
    412: "Answered when the request names a condition, such as If-Match, that does not hold.",
    413: "Answered when the body is larger than is read.",
    415: "Answered when the body is not of the media type that the address takes.",
    429: "Answered when too many requests came; the header Retry-After says in how many seconds to come again.",
    500: "Answered when something failed that nobody expected. The log has it under the problem's request id.",
    503: "Answered when something that is needed does not answer; the same request may work shortly.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of problem; errors that share a code each add what they mean."""

    code: str
    status: int
    title: str
    meanings: list[str]


def kinds() -> dict[str, Kind]:
    """Return the kinds that this process can answer, by code in order."""
    found = {
        code: Kind(code=code, status=status, title=title, meanings=[_BY_STATUS[status]])
        for status, (code, title) in SLUGS.items()
    }
    for error in _errors(BellwetherError):
        kind = found.setdefault(
            error.slug, Kind(code=error.slug, status=error.status, title=error.title, meanings=[])
        )
        meaning = " ".join(inspect.cleandoc(error.__doc__ or "").split()).replace("Raised", "Answered", 1)
        if meaning not in kind.meanings:
            kind.meanings.append(meaning)
    return dict(sorted(found.items()))


def _errors(parent: type[BellwetherError]) -> list[type[BellwetherError]]:
    """Return the errors below `parent` that have a code of their own; the launcher's are never answered."""
    found = []
    for error in parent.__subclasses__():
        if "slug" in vars(error) and error.__module__.startswith(("shared.", "services.")):
            found.append(error)
        found += _errors(error)
    return found


def list_kinds(request: HttpRequest) -> HttpResponse:
    """Return all kinds, as a page to a browser."""
    found = list(kinds().values())
    if browser_wants_html(request):
        return page(request, "problems.html", {"kinds": found})
    return JsonResponse({"results": [asdict(kind) for kind in found]})


def show_kind(request: HttpRequest, code: str) -> HttpResponse:
    """Return one kind, as a page to a browser. Raises Http404."""
    kind = kinds().get(code)
    if kind is None:
        raise Http404
    if browser_wants_html(request):
        return page(request, "problem_kind.html", {"kind": kind})
    answer: dict[str, Any] = asdict(kind)
    return JsonResponse(answer)


problem_urlpatterns = [
    *page_route("problems/", "problem-kinds", get=list_kinds),
    *page_route("problems/<slug:code>/", "problem-kind", get=show_kind),
]
