"""A key has one effect and one answer, whatever happens between them."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connections
from django.test import Client, override_settings
from rest_framework.exceptions import NotAuthenticated, PermissionDenied, Throttled

from shared.errors import BellwetherError, InsufficientHistory, NotFound, ValidationFailed
from shared.eventstore.append import StreamConflict
from shared.eventstore.tests.tally import together, wait_until
from shared.http import idempotency
from shared.http.expiry import BATCH, remove_expired
from shared.http.tests.api_client import ApiClient, assert_problem
from shared.http.tests.keyed_urls import AFTER_THE_EFFECT, CALLS, EFFECTS, Killed

FETCHES = "/api/v1/fetches/"
type Owner = psycopg.Connection[Any]


@pytest.fixture(autouse=True)
def things(db: Owner) -> Iterator[None]:
    for kept in (CALLS, EFFECTS, AFTER_THE_EFFECT):
        kept.clear()
    with override_settings(ROOT_URLCONF="shared.http.tests.keyed_urls"):
        yield


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idempotency, "PATIENCE_SECONDS", 0)


def make(amount: int = 1, *, key: str | None = "k", path: str = "/things/", **extra: Any) -> Any:
    headers = {} if key is None else {"Idempotency-Key": key}
    client = Client(raise_request_exception=False)
    return client.post(path, {"amount": amount}, content_type="application/json", headers=headers, **extra)


def fail_with(error: BaseException) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


def let_the_lease_end(owner: Owner) -> None:
    owner.execute("UPDATE ingest.keyed_request SET claimed_at = claimed_at - interval '61 seconds'")


def let_a_day_pass(owner: Owner) -> None:
    owner.execute("UPDATE ingest.keyed_request SET created_at = created_at - interval '24 hours'")


def test_a_repeated_request_gets_the_first_answer_byte_by_byte_and_has_no_effect() -> None:
    first, second, third = make(), make(), make(path="/things")

    assert first.status_code == second.status_code == third.status_code == 201
    assert first.content == second.content == third.content
    assert second["Location"] == first["Location"]
    assert second["Content-Type"] == first["Content-Type"]
    assert "Idempotent-Replayed" not in first.headers
    assert second["Idempotent-Replayed"] == "true"
    assert second["X-Request-ID"] != first["X-Request-ID"]
    assert len(CALLS) == 1


def test_without_a_key_each_request_has_its_effect() -> None:
    assert make(key=None).content != make(key=None).content
    assert len(EFFECTS) == 2


def test_a_key_that_comes_with_another_body_is_refused_and_keeps_its_answer() -> None:
    first = make(1)

    assert_problem(make(2), 422, "idempotency-key-mismatch")
    assert make(1).content == first.content
    assert list(EFFECTS.values()) == [1]


def test_the_order_and_space_in_a_body_make_no_other_request() -> None:
    first = make()
    spaced = Client().post(
        "/things/", b'{ "amount" : 1 }', content_type="application/json", headers={"Idempotency-Key": "k"}
    )

    assert spaced.content == first.content


def test_a_key_belongs_to_its_caller_and_to_its_address() -> None:
    answers = [make(), make(REMOTE_ADDR="192.0.2.7"), make(path="/others/"), make(key="other")]

    assert len({answer.content for answer in answers}) == 4
    assert make(REMOTE_ADDR="192.0.2.7").content == answers[1].content


@pytest.mark.parametrize("key", ["", "k" * 256, "k\x07", "clé", "clé ключ".encode().decode("latin-1"), "\t"])
def test_a_key_is_1_to_255_printable_characters(key: str) -> None:
    body = assert_problem(make(key=key), 400, "validation-error")

    assert [error["attr"] for error in body["errors"]] == ["Idempotency-Key"]
    assert EFFECTS == {}
    assert make(key="k" * 255).status_code == make(key='"quoted, with space"').status_code == 201


class AlreadyThere(BellwetherError):
    """Raised when trying again would not help."""

    status, slug, title = 409, "already-there", "It is there"


@pytest.mark.parametrize(
    "refusal",
    [
        NotFound("gone"),
        AlreadyThere("taken"),
        InsufficientHistory(symbol="A", needed_sessions=3, present_sessions=1),
    ],
    ids=["404", "409", "422"],
)
def test_what_the_work_refused_stays_refused(refusal: BellwetherError) -> None:
    AFTER_THE_EFFECT.append(fail_with(refusal))

    first, second = make(), make()

    assert first.status_code == refusal.status
    assert second.content == first.content
    assert second["Content-Type"] == "application/problem+json"
    assert len(CALLS) == 1


@pytest.mark.parametrize(
    "failure",
    [
        ValidationFailed("wrong"),
        NotAuthenticated(),
        PermissionDenied(),
        Throttled(wait=3),
        StreamConflict("moved on at this very moment"),
        RuntimeError("a bug"),
        OperationalError("the database is away"),
    ],
    ids=["400", "401", "403", "429", "409 that passes", "500", "503"],
)
def test_a_failure_that_says_nothing_of_the_work_leaves_the_key_free(failure: Exception) -> None:
    AFTER_THE_EFFECT.append(fail_with(failure))

    first, second, third = make(), make(), make()

    assert first.status_code >= 400
    assert second.status_code == 201
    assert "Idempotent-Replayed" not in second.headers
    assert third.content == second.content
    assert len(EFFECTS) == 1, "what was made before the failure was made again"


@pytest.mark.parametrize(("is_noticed", "statuses", "calls"), [(False, [201, 201], 1), (True, [503, 201], 2)])
def test_a_connection_that_is_cut_in_a_request_does_not_keep_its_key(
    db: Owner, impatient: None, is_noticed: bool, statuses: list[int], calls: int
) -> None:
    def cut() -> None:
        db.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = 'bellwether-ingest'"
        )
        if is_noticed:
            connections["ingest"].cursor().execute("SELECT 1")

    AFTER_THE_EFFECT.append(cut)

    first, second = make(), make()

    assert [first.status_code, second.status_code] == statuses
    assert len(CALLS) == calls


def test_a_refused_body_does_not_take_the_key() -> None:
    assert_problem(make(key="k", amount="x"), 400, "validation-error")  # type: ignore[arg-type]

    assert make().status_code == 201


@pytest.mark.usefixtures("impatient")
def test_a_crash_between_effect_and_answer_does_not_double_the_effect(db: Owner) -> None:
    AFTER_THE_EFFECT.append(fail_with(Killed()))
    with pytest.raises(Killed):
        make()

    in_use = make()
    assert_problem(in_use, 409, "idempotency-key-in-use")
    assert in_use["Retry-After"] == "1"
    assert_problem(make(2), 422, "idempotency-key-mismatch")
    let_the_lease_end(db)
    after = make()

    assert after.status_code == 201
    assert len(CALLS) == 2
    assert len(EFFECTS) == 1
    assert make().content == after.content


def test_a_late_first_request_cannot_overwrite_the_answer_of_the_one_that_took_over(db: Owner) -> None:
    taken_over: list[Any] = []

    def be_overtaken() -> None:
        let_the_lease_end(db)
        taken_over.append(make())
        raise NotFound("too late")

    AFTER_THE_EFFECT.append(be_overtaken)
    assert make().status_code == 404

    assert taken_over[0].status_code == 201
    assert make().content == taken_over[0].content


def test_after_a_day_a_key_is_new(db: Owner) -> None:
    first = make(1)
    let_a_day_pass(db)

    second = make(2)

    assert second.status_code == 201
    assert second.json()["id"] != first.json()["id"]
    assert make(2).content == second.content


def test_what_is_a_day_old_is_removed_in_batches_and_nothing_younger(db: Owner) -> None:
    db.execute(
        "INSERT INTO ingest.keyed_request (caller, route, key, request_hash, seed, created_at)"
        " SELECT 'user:x', 'POST /', n::text, '', gen_random_uuid(), now() - interval '25 hours'"
        " FROM generate_series(1, %s) n",
        [BATCH + 1],
    )
    make()

    assert [remove_expired("ingest") for _ in range(3)] == [BATCH, 1, 0]
    assert make()["Idempotent-Replayed"] == "true"


def test_an_answer_with_a_secret_is_made_again_and_never_stored(db: Owner) -> None:
    first, second = make(path="/secrets/"), make(path="/secrets/")

    assert first.content == second.content
    assert len(CALLS) == 2
    assert_problem(make(2, path="/secrets/"), 422, "idempotency-key-mismatch")
    stored = db.execute("SELECT body, headers::text, request_hash FROM ingest.keyed_request").fetchall()
    [(body, _, request_hash)] = stored
    assert body is None
    asked = b'{"amount":1}', b'{"body":{"amount":1},"query":{}}'
    assert request_hash not in [hashlib.sha256(text).digest() for text in asked]


def test_forty_equal_requests_at_once_are_one_effect_with_one_answer() -> None:
    answers = together(*[make] * 40)

    assert len(EFFECTS) == len(CALLS) == 1
    served = [answer for answer in answers if answer.status_code == 201]
    for answer in answers:
        if answer not in served:
            assert_problem(answer, 409, "idempotency-key-in-use")
    assert len(served) >= 2
    assert len({answer.content for answer in served}) == 1


def test_a_twin_waits_for_the_first_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    first_is_at_work, go_on = threading.Event(), threading.Event()
    looks: list[Any] = []
    look = idempotency._look

    def count_and_look(*place: Any) -> Any:
        looks.append(1)
        return look(*place)

    monkeypatch.setattr(idempotency, "_look", count_and_look)

    def hold() -> None:
        first_is_at_work.set()
        assert go_on.wait(timeout=30)

    def twin() -> Any:
        assert first_is_at_work.wait(timeout=30)
        return make()

    def release() -> None:
        wait_until(lambda: len(looks) > 2, "the twin has looked twice")
        go_on.set()

    AFTER_THE_EFFECT.append(hold)
    first, second, _ = together(make, twin, release)

    assert first.content == second.content
    assert second["Idempotent-Replayed"] == "true"


def test_forty_equal_requests_for_a_fetch_are_one_fetch(db: Owner, token: str) -> None:
    def ask() -> Any:
        return ApiClient(token).post(
            FETCHES, {"symbol": "FB"}, content_type="application/json", headers={"Idempotency-Key": "k"}
        )

    with override_settings(ROOT_URLCONF="deploy.local.urls"):
        answers = together(*[ask] * 40)

    assert {answer.status_code for answer in answers} <= {202, 409}
    assert len({answer.content for answer in answers if answer.status_code == 202}) == 1
    assert db.execute("SELECT count(*) FROM ingest.event").fetchone() == (1,)


def test_a_fetch_that_was_made_before_the_crash_is_the_answer_after_it(
    db: Owner, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = partial(
        ApiClient(token).post,
        FETCHES,
        {"symbol": "FB"},
        content_type="application/json",
        headers={"Idempotency-Key": "k"},
    )
    with override_settings(ROOT_URLCONF="deploy.local.urls"):
        with monkeypatch.context() as patched:
            patched.setattr("services.ingest.fetches.api.fetch_by_id", lambda _: fail_with(Killed())())
            with pytest.raises(Killed):
                ask()
        let_the_lease_end(db)
        # Even when the work is done meanwhile, so that the symbol is free to be fetched again.
        db.execute("UPDATE ingest.job SET state = 'failed'")
        after = ask()

    assert after.status_code == 202
    fetches = db.execute("SELECT id::text FROM ingest.fetch").fetchall()
    assert fetches == [(after.json()["id"],)]
