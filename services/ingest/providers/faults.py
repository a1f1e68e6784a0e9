"""The ways in which a remote provider fails a caller. None of their texts may hold a key."""

from shared.errors import BellwetherError


class KeyMissing(BellwetherError):
    """Raised when a provider needs a key and none is set."""

    status, slug, title = 409, "provider-key-missing", "The provider needs a key"


class ProviderOff(BellwetherError):
    """Raised when a provider is named that is switched off, or whose library is not installed."""

    status, slug, title = 409, "provider-off", "The provider is switched off"


class KeyRefused(BellwetherError):
    """Raised when a provider does not accept the key; it is not asked again until the key is another one."""

    status, slug, title = 502, "provider-key-refused", "The provider does not accept the key"


class NotInPlan(BellwetherError):
    """Raised when the key's plan does not include what was asked; `capability` names it."""

    status, slug, title = 422, "not-in-plan", "The key's plan does not include this"


class ProviderUnavailable(BellwetherError):
    """Raised when a provider could not be reached or did not answer properly; it is tried again."""

    status, slug, title = 503, "provider-unavailable", "The provider cannot be reached"
    retry_after_seconds = 5


class ProviderNotice(BellwetherError):
    """Raised when a provider answers with a notice nobody knows instead of data; it is tried again later."""

    status, slug, title = 503, "provider-notice", "The provider answered with a notice"
    retry_after_seconds = 600


class BadProviderData(BellwetherError):
    """Raised when an answer cannot be true as a whole; nothing of it is stored."""

    status, slug, title = 502, "provider-bad-data", "The provider's answer cannot be used"


class SymbolRefused(BellwetherError):
    """Raised when a provider does not know a symbol, or has nothing on it."""

    status, slug, title = 404, "symbol-refused", "The provider does not know the symbol"


class UnknownLookup(BellwetherError):
    """Raised when a provider cannot answer this kind of question."""

    status, slug, title = 400, "unknown-lookup", "The provider cannot answer this"
