"""The published OpenAPI document: one for all services, committed beside this module and held to the code."""

import hashlib
from functools import cache
from pathlib import Path

PATH = Path(__file__).with_name("openapi.json")


@cache
def document() -> bytes:
    """Return the document as JSON."""
    return PATH.read_bytes()


@cache
def document_hash() -> str:
    """Return the document's sha256, which changes with every change of the API."""
    return hashlib.sha256(document()).hexdigest()
