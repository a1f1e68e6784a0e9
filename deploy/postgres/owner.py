"""Lets one process act as the migrator for a while: it owns the tables, the services' roles do not."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.db import connections

from shared.settings.databases import ALIASES, databases


@contextmanager
def as_owner() -> Iterator[None]:
    """Connect every alias as the owner of `DATABASE_URL` inside the block, and as before afterwards.

    Only for one thread that does nothing else: migrations, rebuilds and their tests.
    """
    owner = databases(settings.BELLWETHER, as_owner=True)
    kept = {alias: dict(connections.settings[alias]) for alias in ALIASES if alias in connections.settings}
    try:
        _switch({alias: {**kept[alias], **owner[alias]} for alias in kept})
        yield
    finally:
        _switch(kept)


def _switch(wanted: dict[str, dict[str, Any]]) -> None:
    for alias, config in wanted.items():
        connections[alias].close()
        connections.settings[alias].clear()
        connections.settings[alias].update(config)
