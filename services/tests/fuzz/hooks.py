"""What schemathesis cannot know of this API: whose token to send, and which rules no JSON schema can say.

Loaded inside the `schemathesis` process, which runs on the database of the system under test.
"""

import json
import os
from typing import Any

import django
import schemathesis
from schemathesis.core.failures import Failure
from schemathesis.openapi.checks import RejectedPositiveData, UndefinedContentType, UseAfterFree

django.setup()

# Field errors of values that have the documented form: what they break, JSON Schema has no words for.
BEYOND_SCHEMA = {
    "not_of_kind": "what a subject may be depends on the kind of lookup",
    "not_of_provider": "which kinds of lookup there are depends on the provider",
    "upside_down": "`end` is compared with `start`",
    "future_date": "a day is compared with today",
    "not_both": "of a version and a moment only one is taken",
    "out_of_range": "a decimal in a string has no minimum and maximum",
    "invalid_parameter": "which parameters there are depends on the strategy",
    "invalid_cursor": "a cursor is signed by the server",
    "repeated": "an older address takes two spellings of one field, and both at once say nothing",
    "blank": "white space around a text does not count",
    "invalid_decimal": "a number, where an older address takes one for a text, may have too many places",
    "invalid_username": "names are compared in their folded form",
    "unacceptable_password": "a password is compared with common ones and with the account",
    "wrong_password": "nobody can guess the current password",
    "too_few": "the same id twice is one",
}
# What the older contract of charts answers with 400, as it answers everything that a caller could ask otherwise.
OLDER_CHARTS = ("/api/v1/backtest/", "/api/backtest")
# To DELETE these is to cancel the work: what was asked for stays to be read, with its status.
CANCELLED = tuple(
    f"/api/v1/{name}/"
    for name in ("fetches", "backtests", "forecasts", "reports", "lookups", "sweeps", "walk-forwards")
)


@schemathesis.auth(refresh_interval=None)
class ThrowAwayTokens:
    """Gives each call a token of its own, so that those that end their token, or all others, end nothing else."""

    def get(self, case: schemathesis.Case[Any], context: schemathesis.AuthContext) -> str:
        """Return a new token."""
        from shared.identity.tokens import create_token

        return create_token(username="fuzzer", secret=os.urandom(32))

    def set(self, case: schemathesis.Case[Any], data: str, context: schemathesis.AuthContext) -> None:
        """Send it."""
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.hook
def map_body(context: schemathesis.HookContext, body: Any) -> Any:
    """Write 7.0 as 7: to JSON Schema both are integers, and here whole numbers are given in digits."""
    if not isinstance(body, dict):
        return body
    return {
        name: int(value) if isinstance(value, float) and value.is_integer() else value
        for name, value in body.items()
    }


@schemathesis.hook
def filter_failure(
    context: schemathesis.HookContext,
    failure: Failure,
    case: schemathesis.Case[Any],
    response: schemathesis.Response,
) -> bool:
    """Keep every failure but these, which are none.

    A refusal that names only rules beyond what a schema says; a request line so long that gunicorn refuses it
    in its own words before the application sees it; and work that is still there when it was cancelled.
    """
    if response.status_code == 414:
        return not isinstance(failure, UndefinedContentType)
    if isinstance(failure, UseAfterFree):
        return not case.path.startswith(CANCELLED)
    if not isinstance(failure, RejectedPositiveData) or response.status_code != 400:
        return True
    if case.path.startswith(OLDER_CHARTS):
        return bool(_codes(response.content) - set(BEYOND_SCHEMA))
    return not _codes(response.content) or not _codes(response.content) <= set(BEYOND_SCHEMA)


def _codes(content: bytes) -> set[str]:
    problem: dict[str, Any] = json.loads(content)
    return {error["code"] for error in problem.get("errors", ())}
