from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from shared.contracts.codec import MalformedEvent, dumps, loads
from shared.contracts.envelope import Envelope, event_id

ENVELOPE = Envelope(
    event_id=UUID("ddca9557-0a6b-5cd5-9a7b-2a8a2f83b0f1"),
    source="ingest",
    stream="instrument-AAPL",
    version=1,
    type="PricesUpdated",
    schema_version=1,
    data={"symbol": "AAPL"},
    correlation_id=UUID(int=7),
    causation_id=None,
    occurred_at=datetime(2018, 3, 27, 20, tzinfo=UTC),
)
PLACED = replace(ENVELOPE, event_id=event_id("ingest", "instrument-AAPL", 1))


def test_the_same_place_has_the_same_id_in_every_release() -> None:
    assert str(event_id("ingest", "instrument-AAPL", 1)) == "06fb2332-b54a-573d-af5d-f12f39833388"
    assert str(event_id("ingest", "instrument-AAPL", 12)) == "032680a4-1eef-5fac-94c7-9e59aa0cfdfd"


def test_an_envelope_comes_back_from_its_bytes() -> None:
    assert Envelope.from_bytes(PLACED.to_bytes()) == PLACED


@pytest.mark.parametrize(
    "change",
    [
        {"event_id": str(ENVELOPE.event_id)},
        {"version": 2},
        {"stream": "instrument-MSFT"},
        {"source": "analytics"},
    ],
)
def test_an_id_that_belongs_to_another_place_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(MalformedEvent, match="place"):
        Envelope.from_bytes(dumps({**loads(PLACED.to_bytes()), **change}))


@pytest.mark.parametrize("version", [0, -1, 2**31])
def test_a_version_that_no_stream_can_have_is_refused(version: int) -> None:
    place = {"version": version, "event_id": str(event_id("ingest", "instrument-AAPL", version))}
    with pytest.raises(MalformedEvent, match="place"):
        Envelope.from_bytes(dumps({**loads(PLACED.to_bytes()), **place}))


@pytest.mark.parametrize("body", [b"[]", b"null", b'"text"', b"{}"])
def test_json_that_is_no_envelope_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedEvent, match="Envelope"):
        Envelope.from_bytes(body)
