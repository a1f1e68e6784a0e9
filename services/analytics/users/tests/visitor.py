"""Comes without a token, registers and logs in as a program would."""

from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from shared.identity.hashers import Argon2id

PASSWORD = "seven quiet harbour lamps"
TOKENS, USERS, ME = "/api/v1/tokens/", "/api/v1/users/", "/api/v1/users/me/"


def send(path: str, *, address: str = "192.0.2.1", key: str | None = None, **body: Any) -> Any:
    """POST a JSON object without a token."""
    client = Client(raise_request_exception=False, REMOTE_ADDR=address)
    headers = {} if key is None else {"Idempotency-Key": key}
    return client.post(path, body, content_type="application/json", headers=headers)


def log_in(username: str = "anna", password: str = PASSWORD, **options: Any) -> Any:
    """Try to log in."""
    return send(TOKENS, username=username, password=password, **options)


def set_registration(monkeypatch: pytest.MonkeyPatch, *, is_open: bool) -> None:
    """Let anybody register, or nobody."""
    monkeypatch.setitem(settings.BELLWETHER, "REGISTRATION_OPEN", is_open)


def count_hashes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that grows with every password that is hashed, made or checked."""
    hashed: list[str] = []
    verify, encode = Argon2id.verify, Argon2id.encode

    def counted_verify(self: Argon2id, password: str, encoded: str) -> bool:
        hashed.append(password)
        return verify(self, password, encoded)

    def counted_encode(self: Argon2id, password: str, salt: str) -> str:
        hashed.append(password)
        return encode(self, password, salt)

    monkeypatch.setattr(Argon2id, "verify", counted_verify)
    monkeypatch.setattr(Argon2id, "encode", counted_encode)
    return hashed
