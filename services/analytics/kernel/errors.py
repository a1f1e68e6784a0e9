"""The failures of the kernel that a caller can act on."""

from shared.errors import BellwetherError, ValidationFailed


class InvalidMarketData(BellwetherError):
    """Raised when the arrays of one instrument contradict each other or hold an impossible value."""

    status, slug, title = 422, "invalid-market-data", "The stored prices cannot be used"


class UnknownStrategy(ValidationFailed):
    """Raised when no strategy has the given name; the message and `permitted` list those that exist."""

    slug, title = "unknown-strategy", "No such strategy"


class InvalidParameter(ValidationFailed):
    """Raised when a parameter is unknown, of the wrong type or out of range; `field` names it."""

    slug, title = "invalid-parameter", "A parameter is not permitted"
