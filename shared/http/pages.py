"""Pages for people: who gets one, what each carries, and problems and answers as pages.

Pages are made on the server and work without scripts. Their policy forbids everything that is not of this
origin; a page that needs more says so itself (see docs.py).
"""

import json
import re
from collections.abc import Callable, Mapping
from functools import wraps
from http import HTTPStatus
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.db import Error
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import URLPattern, path

from shared.errors import BellwetherError
from shared.eventstore.outages import is_unavailable
from shared.http import problems
from shared.http.summaries import remarks_on, summary_of
from shared.http.tables import sections_of, shown, words
from shared.identity.authentication import SESSION_COOKIE, session_of

POLICY = {
    "default-src": "'none'",
    "style-src": "'self'",
    "img-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
LOGIN_ADDRESS = "/login/"  # of analytics, on the one origin that all services share
# All other headers of a problem are its page's too.
_OF_THE_BODY = {"content-type", "content-length"}
_FACTS_OF_A_PROBLEM = {"type", "title", "status", "detail", "code", "instance", "request_id", "errors"}


def browser_wants_html(request: Any) -> bool:
    """Return whether the caller would rather have a page than JSON: a browser, which did not ask `?format=`."""
    if "format=" in request.META.get("QUERY_STRING", ""):
        return False
    try:
        preferred = request.get_preferred_type(["application/json", "text/html"])
    except ValueError:  # a garbled parameter
        return False
    return bool(preferred == "text/html")


def page(
    request: HttpRequest,
    template: str,
    context: Mapping[str, Any] | None = None,
    *,
    status: int = 200,
    policy: Mapping[str, str] | None = None,
) -> HttpResponse:
    """Return a page made from `templates/bellwether/<template>`; `policy` adds to what is permitted."""
    # By the cookie alone, since an error page must not need the database; an ended session can be left too.
    values = {"has_session": SESSION_COOKIE in request.COOKIES, **(context or {})}
    response = render(request, f"bellwether/{template}", values, status=status)
    directives = POLICY | dict(policy or {})
    response["Content-Security-Policy"] = "; ".join(f"{name} {value}" for name, value in directives.items())
    return response


def answer_page(
    request: Any,
    *,
    title: str,
    payload: Mapping[str, Any],
    links: Mapping[str, str],
    raw: str = "?format=json",
) -> HttpResponse:
    """Return an answer of the API as tables, with a link to its JSON, `raw`, and `links` by what they lead to."""
    context = {
        "title": title,
        "summary": summary_of(payload),
        "remarks": remarks_on(payload),
        "sections": sections_of(payload),
        "links": links,
        "raw": raw,
    }
    return page(request, "answer.html", context)


def problem_page(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Return the page of a problem for a browser outside of the API; any other answer as it is."""
    if response.get("Content-Type") != problems.CONTENT_TYPE or request.path_info.startswith("/api/"):
        return response
    if not browser_wants_html(request):
        return response
    problem = json.loads(response.content)
    more = [(words(name), shown(value)) for name, value in problem.items() if name not in _FACTS_OF_A_PROBLEM]
    symbol = re.fullmatch(r"/fetch/([^/]+)/", str(problem.get("fetch", "")))
    context = {"problem": problem, "more": more, "symbol": symbol and symbol[1]}
    answer = page(request, "problem.html", context, status=response.status_code)
    for name, value in response.items():
        if name.lower() not in _OF_THE_BODY:
            answer[name] = value
    answer.cookies.update(response.cookies)
    return answer


def for_sessions(
    view: Callable[..., HttpResponseBase], *, after: str = ""
) -> Callable[..., HttpResponseBase]:
    """Give a view the caller; send whoever is not logged in to the login page, and then here or to `after`."""

    @wraps(view)
    def guarded(request: HttpRequest, **arguments: Any) -> HttpResponseBase:
        caller = session_of(request)
        if caller is None:
            return redirect_to_login(after or request.get_full_path(), LOGIN_ADDRESS)
        return view(request, caller, **arguments)

    return guarded


def page_route(address: str, name: str, **views: Callable[..., HttpResponseBase]) -> list[URLPattern]:
    """Return the address of a page with its views by method, with and without its final slash."""
    by_method = {method.upper(): view for method, view in views.items()}
    if "GET" in by_method:
        by_method["HEAD"] = by_method["GET"]
    allowed = ", ".join(by_method)

    def view(request: HttpRequest, **arguments: Any) -> HttpResponseBase:
        if request.method not in by_method:
            detail = f"Permitted here: {allowed}."
            return problems.problem_response(
                request, HTTPStatus.METHOD_NOT_ALLOWED, detail, {"Allow": allowed}
            )
        try:
            return by_method[request.method](request, **arguments)
        except BellwetherError as error:
            return problems.error_response(request, error)
        except Error as error:
            if not is_unavailable(error):
                raise
            return problems.error_response(request, problems.Unavailable())

    view.route_name = name  # type: ignore[attr-defined]  # for shared/http/middleware.py, in both spellings
    addresses = dict.fromkeys([address, address.removesuffix("/")])
    return [path(form, view, name=name if form == address else None) for form in addresses]
