"""The one error tree of Bellwether: every expected failure has a stable slug and an HTTP status."""

from typing import Any, ClassVar


class BellwetherError(Exception):
    """An expected failure that a caller can act on.

    A subclass declares `status`, `slug` and `title`; its docstring says when it is raised; the message
    given to the constructor names the values. `extra` becomes additional members of the problem document.
    A failure that passes says with `retry_after_seconds` when to come again.
    """

    status: ClassVar[int] = 500
    slug: ClassVar[str] = "internal-error"
    title: ClassVar[str] = "Internal error"
    retry_after_seconds: int | None = None

    def __init__(self, detail: str, **extra: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extra = extra

    def as_problem(self) -> dict[str, Any]:
        """Return the RFC 9457 members of this error, without request-specific ones."""
        return {
            "type": f"/problems/{self.slug}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            **self.extra,
        }


class ValidationFailed(BellwetherError):
    """Raised when a value given by a caller is malformed or outside what is permitted."""

    status, slug, title = 400, "validation-error", "The request is not valid"


class NotFound(BellwetherError):
    """Raised when the named thing does not exist, or is not the caller's to see."""

    status, slug, title = 404, "not-found", "Not found"


class CsrfFailed(BellwetherError):
    """Raised when a request that a cookie vouches for does not prove that one of our own pages sent it."""

    status, slug, title = 403, "csrf-failed", "The request was not sent from our own page"


class InsufficientHistory(BellwetherError):
    """Raised when there are fewer stored sessions than a computation needs."""

    status, slug, title = 422, "insufficient-history", "Not enough price history"

    def __init__(self, *, symbol: str, needed_sessions: int, present_sessions: int) -> None:
        missing = needed_sessions - present_sessions
        super().__init__(
            f"{symbol} has {present_sessions} sessions and {needed_sessions} are needed: {missing} are missing.",
            symbol=symbol,
            needed_sessions=needed_sessions,
            present_sessions=present_sessions,
            missing_sessions=missing,
        )
        self.needed_sessions = needed_sessions
        self.present_sessions = present_sessions
