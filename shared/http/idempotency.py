"""A POST with an `Idempotency-Key` has one effect and one answer, however often it is sent within a day."""

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any
from uuid import UUID

import structlog
from django.db import InterfaceError, OperationalError, connections
from django.http import HttpResponse
from django.utils.crypto import salted_hmac
from rest_framework.exceptions import ValidationError

from shared.contracts.codec import dumps
from shared.errors import BellwetherError
from shared.http.expiry import KEPT
from shared.http.models import KeyedRequest
from shared.http.throttling import caller_of
from shared.http.waiting import wait_until
from shared.observability.kill_points import reached

HEADER = "Idempotency-Key"
PATTERN = "^[!-~]([ -~]{0,253}[!-~])?$"
LEASE = "60 seconds"  # longer than any request may take: what is under way longer is a crash
PATIENCE_SECONDS = 2.0
# Beside successes, refusals that the work itself decided on. Others say nothing of it, and may be repeated.
_FINAL_REFUSALS = {404, 409, 422}
_KEPT_HEADERS = ("Content-Type", "Location", "Retry-After", "Preference-Applied", "Link")

# Note [One effect for a key]
# The row is committed before the work begins and answered after the work's own commit, so a crash between the
# two leaves a claim that a repeated request takes over when its lease is over. Its `seed` is the one of the
# first try, so the ids that `Operation.new_id` makes are too, and the record refuses the second effect.
_SAME = f"held.request_hash = EXCLUDED.request_hash AND held.created_at > now() - interval '{KEPT}'"
_CLAIM = f"""
INSERT INTO keyed_request AS held (caller, route, key, request_hash, seed)
VALUES (%(caller)s, %(route)s, %(key)s, %(request_hash)s, %(seed)s)
ON CONFLICT (caller, route, key) DO UPDATE SET
    fence = held.fence + 1, claimed_at = now(), status = NULL, headers = NULL,
    request_hash = EXCLUDED.request_hash,
    seed = CASE WHEN {_SAME} THEN held.seed ELSE EXCLUDED.seed END,
    created_at = CASE WHEN {_SAME} THEN held.created_at ELSE now() END,
    body = NULL
WHERE held.created_at <= now() - interval '{KEPT}'
    OR held.claimed_at IS NULL AND held.status IS NULL
    OR held.request_hash = EXCLUDED.request_hash
        AND (held.claimed_at < now() - interval '{LEASE}' OR held.status IS NOT NULL AND held.body IS NULL)
RETURNING id, fence, seed
"""

log = structlog.get_logger(__name__)

type Post = Callable[..., Any]


class IdempotencyKeyMismatch(BellwetherError):
    """Raised when a key comes again with another body; use a new key for a new request."""

    status, slug, title = 422, "idempotency-key-mismatch", "The key was used for another request"


class IdempotencyKeyInUse(BellwetherError):
    """Raised when the request that came first with a key is still under way; repeat it a little later."""

    status, slug, title = 409, "idempotency-key-in-use", "The first request with this key is under way"
    retry_after_seconds = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A key in this request's hands; `seed` makes the ids of what the request makes."""

    service: str
    id: int
    fence: int
    seed: UUID


def key_of(request: Any) -> str | None:
    """Return the key that a request carries, None when it has none. Raises ValidationError."""
    key: str | None = request.headers.get(HEADER)
    if key is not None and not re.fullmatch(PATTERN, key):
        raise ValidationError({HEADER: "1 to 255 printable ASCII characters."}, code="invalid")
    return key


def once_per_key(post: Post) -> Post:
    """Give an operation's `post` its key's first answer when it has one; see Note [One effect for a key]."""

    @wraps(post)
    def answer(operation: Any, request: Any, *args: Any, **arguments: Any) -> Any:
        if operation.idempotency_key is None:
            return post(operation, request, *args, **arguments)
        found = _claim_or_answer(operation, request)
        if isinstance(found, HttpResponse):
            return found
        operation.claim = found
        try:
            response = post(operation, request, *args, **arguments)
        except Exception as error:  # noqa: BLE001 what DRF makes of it is an answer too
            response = operation.handle_exception(error)
        response = operation.finalize_response(request, response)
        if hasattr(response, "render"):
            response.render()
        reached("request.answered")
        _settle(found, response, keeps_body=operation.keeps_answer)
        reached("request.kept")
        return response

    return answer


def _claim_or_answer(operation: Any, request: Any) -> Claim | HttpResponse:
    asked = {
        "caller": caller_of(request),
        "route": f"{request.method} {request.path.rstrip('/')}",
        "key": operation.idempotency_key,
        "request_hash": _hash_of(request),
        "seed": uuid.uuid4(),
    }
    found = wait_until(
        lambda: _look(operation.service, asked), lambda found: found is not None, seconds=PATIENCE_SECONDS
    )
    if found is None:
        raise IdempotencyKeyInUse(f"The request that came first with {HEADER} {asked['key']!r} is under way.")
    return found


def _look(service: str, asked: dict[str, Any]) -> Claim | HttpResponse | None:
    """Return the key's claim when it is to be had, else its answer, or None while that is being made."""
    with connections[service].cursor() as cursor:
        cursor.execute(_CLAIM, asked)
        if row := cursor.fetchone():
            return Claim(service=service, id=row[0], fence=row[1], seed=row[2])
    known = KeyedRequest.objects.using(service).filter(
        **{name: asked[name] for name in ("caller", "route", "key")}
    )
    held = known.first()
    if held is None:  # it was removed at this very moment
        return None
    if bytes(held.request_hash) != asked["request_hash"]:
        raise IdempotencyKeyMismatch(
            f"{HEADER} {held.key!r} came with another body before; use a new key for a new request."
        )
    if held.status is None or held.body is None:
        return None
    return HttpResponse(
        bytes(held.body), status=held.status, headers={**(held.headers or {}), "Idempotent-Replayed": "true"}
    )


def _settle(claim: Claim, response: Any, *, keeps_body: bool) -> None:
    """Store the answer, or free the key when the answer is not final; a claim that was taken over stays so."""
    held = KeyedRequest.objects.using(claim.service).filter(id=claim.id, fence=claim.fence)
    status = response.status_code
    outcome: dict[str, Any] = {"claimed_at": None}
    passes = "Retry-After" in response.headers  # of a refusal: it holds for this moment only
    if 200 <= status < 300 or (status in _FINAL_REFUSALS and not passes):
        headers = {name: response[name] for name in _KEPT_HEADERS if name in response.headers}
        outcome |= {"status": status, "headers": headers, "body": response.content if keeps_body else None}
    for _ in range(
        2
    ):  # over a new connection where the first one was cut: else the key is held for its lease
        try:
            held.update(**outcome)
            break
        except (OperationalError, InterfaceError):
            # The work is done and its caller is told; whoever repeats it comes to the same, as after a crash.
            log.warning("idempotent_answer_not_stored", exc_info=True)
            connections[claim.service].close()


def _hash_of(request: Any) -> bytes:
    """Return a keyed hash of what is asked: a body may hold a password, which must not be guessed from it."""
    asked = {"query": request.query_params.dict(), "body": request.data}
    return bytes(salted_hmac("shared.http.idempotency", dumps(asked), algorithm="sha256").digest())
