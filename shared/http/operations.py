"""One class per operation, and the addresses that lead to it."""

import secrets
import time
from collections.abc import Callable
from typing import Any, ClassVar, Protocol, cast
from uuid import UUID, uuid5

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import URLPattern, path
from django.utils.crypto import salted_hmac
from drf_spectacular.types import OpenApiTypes
from rest_framework import serializers
from rest_framework.exceptions import Throttled, ValidationError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.response import Response
from rest_framework.views import APIView
from uuid6 import uuid7

from shared.eventstore.jobs import OPEN_STATES
from shared.http.fields import StrictSerializer
from shared.http.idempotency import Claim, key_of, once_per_key
from shared.http.problems import problem_response
from shared.http.throttling import caller_of, count_request
from shared.http.waiting import DEFAULT_SECONDS, preferred_wait, wait_until
from shared.identity.tokens import TOKEN_BYTES, Principal

RETRY_AFTER_SECONDS = 1


class Work(Protocol):
    """Anything that is worked on."""

    state: str


class Operation(APIView):
    """Base of every operation of the API: one method of one address.

    A subclass says with nested serializers what it takes (`Query` and `Input`; nothing by default) and gives
    (`Output`), with `successes` the statuses it answers, and with `problems` those that it may fail with
    beside what can happen to any request. The OpenAPI document is made from these.

    Every `post` takes an `Idempotency-Key`. One whose answer holds a secret says `keeps_answer = False`: it
    runs again for each repeated request, and must come to the same by `new_id` and `new_secret`.
    """

    Query: type[StrictSerializer] = StrictSerializer
    Input: type[StrictSerializer] = StrictSerializer
    Output: type[serializers.Serializer[Any]] | serializers.Serializer[Any] | OpenApiTypes
    media_type: ClassVar[str] = "application/json"
    successes: ClassVar[tuple[int, ...]] = (200,)
    problems: ClassVar[tuple[int, ...]] = ()
    keeps_answer: ClassVar[bool] = True
    is_counted: ClassVar[bool] = True
    query: dict[str, Any]
    idempotency_key: str | None = None
    claim: Claim | None = None
    _ids_made: int = 0

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Answer each key once."""
        super().__init_subclass__(**kwargs)
        if "post" in vars(cls):
            cls.post = once_per_key(vars(cls)["post"])  # type: ignore[attr-defined]

    def initial(self, request: Any, *args: Any, **kwargs: Any) -> None:
        """Check the caller, then the query string; `self.query` holds its values."""
        super().initial(request, *args, **kwargs)
        if request.method == "POST":
            self.idempotency_key = key_of(request)
        repeated = sorted(name for name, values in request.query_params.lists() if len(values) > 1)
        if repeated:
            raise ValidationError(dict.fromkeys(repeated, "Give this parameter once."), code="repeated")
        self.query = _validated(self.Query, request.query_params.dict())

    def body(self) -> dict[str, Any]:
        """Return the validated body. Raises ValidationError."""
        return _validated(self.Input, self.request.data)

    @property
    def caller(self) -> Principal:
        """Return who calls; the operation asks for a token."""
        return cast(Principal, self.request.user)

    @property
    def service(self) -> str:
        """Return the service that the operation belongs to, in whose schema it is counted and its keys are."""
        package, _, rest = type(self).__module__.partition(".")
        service: str = rest.partition(".")[0] if package == "services" else settings.SERVICES[0]
        return service

    def check_throttles(self, request: Any) -> None:
        """Count the request; every answer from here on says what is left. Raises Throttled."""
        limit: int = settings.BELLWETHER["API_RATE_LIMIT"]
        if not (limit and self.is_counted):
            return
        usage = count_request(self.service, caller_of(request), limit=limit)
        self.headers.update(usage.headers())
        if usage.is_over:
            raise Throttled(wait=usage.seconds_left)

    def new_id(self) -> UUID:
        """Return an id for what this request makes; a keyed request that is repeated after a crash gets it again."""
        if self.claim is None:
            return UUID(str(uuid7()))
        self._ids_made += 1
        return uuid5(self.claim.seed, str(self._ids_made))

    def new_secret(self) -> bytes:
        """Return the secret of a token that this request makes; a keyed request that is repeated gets it again."""
        if self.claim is None:
            return secrets.token_bytes(TOKEN_BYTES)
        return bytes(salted_hmac("shared.http.operations", self.claim.seed.hex, algorithm="sha256").digest())

    def wait_for[W: Work](self, look: Callable[[], W], *, default: float = DEFAULT_SECONDS) -> W:
        """Return what `look` gives once its `state` is final, or as it is when the caller's patience is over.

        That is `default` seconds, or what the header `Prefer: wait=N` says, but at most 25.
        """
        preferred = preferred_wait(self.request.headers.get("Prefer", ""))
        seconds = default if preferred is None else preferred
        began_at = time.monotonic()
        found = wait_until(look, lambda work: work.state not in OPEN_STATES, seconds=seconds)
        is_honoured = found.state not in OPEN_STATES or time.monotonic() - began_at >= seconds
        if preferred is not None and is_honoured:
            self.headers["Preference-Applied"] = f"wait={preferred}"
        return found

    @property
    def default_response_headers(self) -> dict[str, str]:
        """Return none: DRF's `Allow` would know of this operation only, and `route` knows all of the address."""
        return {}


class AnyAccept(BaseContentNegotiation):
    """For addresses that name their own format: what the caller accepts is not asked."""

    def select_parser(self, request: Any, parsers: Any) -> Any:
        """Return the only parser."""
        return parsers[0]

    def select_renderer(self, request: Any, renderers: Any, format_suffix: str | None = None) -> Any:
        """Return the only renderer."""
        return renderers[0], renderers[0].media_type


class PublicOperation(Operation):
    """An operation that needs no token and is not counted, for programs of all sorts."""

    is_counted = False
    authentication_classes = ()
    permission_classes = ()
    content_negotiation_class = AnyAccept


def started(body: Any, *, location: str, state: str, is_new: bool = False) -> Response:
    """Return the answer to a request for work.

    202 while it is under way; once it is done 201 when this request started it, and 200 when it was there.
    """
    if state in OPEN_STATES:
        return Response(body, 202, headers={"Location": location, "Retry-After": str(RETRY_AFTER_SECONDS)})
    return Response(body, 201 if is_new else 200, headers={"Location": location})


def route(address: str, name: str, **operations: type[Operation]) -> list[URLPattern]:
    """Return the address with its operations by method (`get=...`), with and without its final slash.

    The form given is the canonical one, which `name` and the OpenAPI document mean.
    """
    views = {method.upper(): operation.as_view() for method, operation in operations.items()}
    view = _by_method(views, name)
    # Only the canonical form is described: see shared/http/schema.py.
    view.operations = views  # type: ignore[attr-defined]
    other = address.removesuffix("/") if address.endswith("/") else f"{address}/"
    return [path(address, view, name=name), path(other, _by_method(views, name))]


def _by_method(views: dict[str, Any], name: str) -> Callable[..., HttpResponseBase]:
    answering = {**views, "HEAD": views["GET"]} if "GET" in views else views
    allowed = ", ".join([*answering, "OPTIONS"])

    def view(request: HttpRequest, **arguments: Any) -> HttpResponseBase:
        if request.method == "OPTIONS":
            return HttpResponse(status=204, headers={"Allow": allowed})
        if request.method not in answering:
            return problem_response(request, 405, f"Permitted here: {allowed}.", {"Allow": allowed})
        answer: HttpResponseBase = answering[request.method](request, **arguments)
        return answer

    view.route_name = name  # type: ignore[attr-defined]  # for shared/http/middleware.py, in both spellings
    view.csrf_exempt = True  # type: ignore[attr-defined]  # checked where a cookie is believed, as DRF has it
    return view


def _validated(serializer: type[StrictSerializer], data: Any) -> dict[str, Any]:
    checked = serializer(data=data)
    checked.is_valid(raise_exception=True)
    values: dict[str, Any] = checked.validated_data
    return values
