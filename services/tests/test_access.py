"""Every address, asked by every kind of caller, answers as the one table says; a new address needs a new row."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from itertools import count
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from django.contrib.auth.hashers import make_password
from django.test import Client
from django.utils import timezone

from services.ingest.watchlists.services import save_watch_list
from services.tests.access import ACTORS, GUARDED_PAGES, TABLE, Row
from services.tests.addresses import A_SYMBOL, AN_ID, Address, addresses
from services.tests.pipeline import drain_everything
from shared.http.tests.api_client import ApiClient
from shared.identity.authentication import SESSION_COOKIE
from shared.identity.models import Token, User
from shared.identity.tokens import Issued, Kind, issue_token
from shared.observability.correlation import Cause, caused_by

PASSWORD = "correct horse battery staple"
CSRF = "c" * 32
NUMBERS = count(1)
# Patterns that are no address of their own, and where their access is tested.
ELSEWHERE = {
    "/admin",  # sends to /admin/: services/tests/test_admin.py
    "/^api/(?!v1/)(?P{rest}.+)$",  # answers as /api/v1/: test_an_address_without_its_version_opens_nothing
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Somebody with an account, somebody else, and what they are asked about; new for each request."""

    number: int
    owner: User
    other: User
    token: Issued
    values: dict[str, str]


def ended(issued: Issued, **changes: Any) -> Issued:
    Token.objects.using("identity").filter(pk=issued.token.pk).update(**changes)
    return issued


def issued_to(user: User, kind: Kind = "api") -> Issued:
    return issue_token(user=user, secret=os.urandom(32), kind=kind)


def bearer(issued: Issued) -> dict[str, Any]:
    return {"headers": {"Authorization": f"Bearer {issued.text}"}}


def cookie(issued: Issued) -> dict[str, Any]:
    return {"cookies": {SESSION_COOKIE: issued.text}}


def nobody(scene: Scene) -> dict[str, Any]:
    return {}


def browser(scene: Scene) -> dict[str, Any]:
    return {"headers": {"Accept": "text/html,*/*;q=0.1"}}


def disabled(scene: Scene) -> dict[str, Any]:
    User.objects.using("identity").filter(pk__in=(scene.owner.pk, scene.other.pk)).update(is_active=False)
    return bearer(scene.token)


# How each kind of caller shows who it is.
CREDENTIALS: dict[str, Callable[[Scene], dict[str, Any]]] = {
    "owner": lambda scene: bearer(scene.token),
    "other": lambda scene: bearer(issued_to(scene.other)),
    "session": lambda scene: cookie(issued_to(scene.owner, "session")),
    "other_session": lambda scene: cookie(issued_to(scene.other, "session")),
    "forged": lambda scene: cookie(issued_to(scene.owner, "session")),
    "anonymous": nobody,
    "browser": browser,
    "expired": lambda scene: bearer(ended(scene.token, expires_at=timezone.now() - timedelta(seconds=1))),
    "logged_out": lambda scene: bearer(ended(scene.token, revoked_at=timezone.now())),
    "inactive": disabled,
    "ended_session": lambda scene: cookie(
        ended(issued_to(scene.owner, "session"), revoked_at=timezone.now())
    ),
}


@pytest.fixture
def asked_about(token: str) -> dict[str, str]:
    """Make one of everything that an address may be about."""
    api = ApiClient(token)
    api.send("/api/v1/fetches/", symbol=A_SYMBOL)
    drain_everything()
    for search in ("sweeps", "walk-forwards"):
        api.send(f"/api/v1/{search}/", **TABLE[search, "POST"].body)
    drain_everything()

    def newest(name: str) -> str:
        found: str = api.show(f"/api/v1/{name}/")["results"][0]["id"]
        return found

    return {
        "symbol": A_SYMBOL,
        "initial_investment": "10000.00",
        "code": "not-found",
        "metric": "sharpe",
        "index": "sp500",
        "fetch_id": newest("fetches"),
        "quarantine_id": AN_ID,  # nothing of theirs looks wrong
        "lookup_id": AN_ID,  # and nobody has a key
        "run_id": newest("backtests"),
        "before_id": newest("backtests"),
        "sweep_id": newest("sweeps"),
        "walk_forward_id": newest("walk-forwards"),
        "forecast_id": newest("forecasts"),
        "report_id": newest("reports"),
    }


@cache
def password_hash() -> str:
    return make_password(PASSWORD)


def set_scene(asked_about: dict[str, str]) -> Scene:
    number = next(NUMBERS)
    owner, other = (
        User.objects.using("identity").create(
            username=f"{role}-{number}", password=password_hash(), last_login=timezone.now()
        )
        for role in ("owner", "other")
    )
    token = issued_to(owner)
    values = asked_about | {
        "token_id": str(token.token.public_id),
        "username": owner.username,
        "name": f"list-{number}",
        "unique": f"new-{number}",
        "password": PASSWORD,
    }
    return Scene(number=number, owner=owner, other=other, token=token, values=values)


def answer(address: Address, method: str, row: Row, actor: str, scene: Scene) -> int:
    shown = CREDENTIALS[actor](scene)
    headers = {"Prefer": "wait=0", **shown.get("headers", {})}
    # Whoever is limited by address is another one each time.
    client = Client(
        enforce_csrf_checks=True,
        raise_request_exception=False,
        REMOTE_ADDR=f"10.0.{scene.number // 250}.{scene.number % 250}",
    )
    for name, value in shown.get("cookies", {}).items():
        client.cookies[name] = value
    is_page = any(row.rule is rule for rule in GUARDED_PAGES)
    if actor in ("session", "other_session") or (is_page and actor != "forged"):
        client.cookies["csrftoken"] = CSRF
        headers["X-CSRFToken"] = CSRF
    body = {
        name: value.format(**scene.values) if isinstance(value, str) else value
        for name, value in row.body.items()
    }
    if "{name}" in address.path:
        make_watch_list(scene.values["name"])
    response = client.generic(
        method,
        address.path.format(**scene.values) + row.query,
        **encoded(body, as_form=is_page),
        headers=headers,
    )
    return response.status_code


def make_watch_list(name: str) -> None:
    with caused_by(Cause(uuid4())):
        save_watch_list(name=name, symbols=["FB"], provider="auto", active=False, now=timezone.now())


def encoded(body: dict[str, Any], *, as_form: bool) -> dict[str, Any]:
    if as_form:
        return {"data": urlencode(body), "content_type": "application/x-www-form-urlencoded"}
    if not body:
        return {}
    return {"data": json.dumps(body), "content_type": "application/json"}


def named() -> Iterator[tuple[Address, str]]:
    """Give every named address with each of its methods."""
    for address in addresses():
        if address.name:
            for method in sorted(address.methods()):
                yield address, method


def test_every_address_has_a_row_and_every_row_an_address() -> None:
    served = [(address.name, method) for address, method in named()]

    assert len(served) == len(set(served))
    assert set(served) - set(TABLE) == set(), "say in services/tests/access.py who may do this"
    assert set(TABLE) - set(served) == set()


def test_every_other_spelling_of_an_address_is_of_one_that_has_a_row() -> None:
    canonical = {address.path for address in addresses() if address.name}
    other = [address.path for address in addresses() if not address.name and address.path not in ELSEWHERE]

    unknown = [path for path in other if not canonical & {path, f"{path}/", path.removesuffix("/")}]
    assert [path for path in unknown if not canonical & versioned(path)] == []


def versioned(path: str) -> set[str]:
    """Return what an address without a version stands for, with and without its final slash."""
    path = path.replace("/api/", "/api/v1/", 1).removesuffix("/")
    return {path, f"{path}/"}


@pytest.mark.usefixtures("db")
def test_an_address_without_its_version_opens_nothing() -> None:
    strangers = Client(raise_request_exception=False)
    paths = [
        address.sample for address in addresses() if address.sample.startswith("/api/v1/") and address.name
    ]

    found = {path: strangers.get(path.replace("/v1/", "/", 1)).status_code for path in paths}

    assert len(found) > 10
    assert found == {path: strangers.get(path).status_code for path in paths}
    assert set(found.values()) <= {401, 405}


def test_each_caller_gets_what_the_table_says(asked_about: dict[str, str]) -> None:
    found = {}
    for address, method in named():
        row = TABLE[address.name, method]
        for actor in ACTORS:
            status = answer(address, method, row, actor, set_scene(asked_about))
            if status != (expected := row.expected(actor, method)):
                found[f"{method} {address.path} as {actor}"] = f"{status}, and the table says {expected}"

    assert not found, "\n".join(f"{case}: {said}" for case, said in found.items())
