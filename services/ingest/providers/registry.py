"""The providers a fetch may name."""

from services.ingest.providers.bundled_provider import BundledProvider
from services.ingest.providers.domain import Provider, UnknownProvider

_PROVIDERS: dict[str, Provider] = {provider.name: provider for provider in (BundledProvider(),)}


def provider_names() -> tuple[str, ...]:
    """Return the names of all providers, ascending."""
    return tuple(sorted(_PROVIDERS))


def provider_named(name: str) -> Provider:
    """Return the provider called `name`.

    Raises:
        UnknownProvider: there is none of that name.
    """
    if name not in _PROVIDERS:
        raise UnknownProvider(name=name, known=provider_names())
    return _PROVIDERS[name]
