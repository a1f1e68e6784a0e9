from dataclasses import dataclass
from typing import Any

import pytest

from shared.contracts import registry
from shared.contracts.codec import MalformedEvent
from shared.contracts.registry import (
    UnknownEventType,
    UnsupportedVersion,
    decode_event,
    event,
    event_types,
    type_of,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeCharged:
    fee_bps: int
    reason: str


def _name_the_unit(data: dict[str, Any]) -> dict[str, Any]:
    return {"fee_bps": round(data["fee_percent"] * 100)}


def _give_a_reason(data: dict[str, Any]) -> dict[str, Any]:
    return {**data, "reason": "unknown"}


@pytest.fixture
def _third_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_BY_TYPE", {})
    monkeypatch.setattr(registry, "_BY_CLASS", {})
    upcasters: dict[int, registry.Upcaster] = {1: _name_the_unit, 2: _give_a_reason}
    event(source="ingest", category="fee", published=True, schema_version=3, upcasters=upcasters)(FeeCharged)


@pytest.mark.usefixtures("_third_version")
def test_data_of_every_old_version_is_raised_step_by_step() -> None:
    expected = FeeCharged(fee_bps=150, reason="unknown")
    assert decode_event(type="FeeCharged", schema_version=1, data={"fee_percent": 1.5}) == expected
    assert decode_event(type="FeeCharged", schema_version=2, data={"fee_bps": 150}) == expected
    now = decode_event(type="FeeCharged", schema_version=3, data={"fee_bps": 150, "reason": "late"})
    assert now == FeeCharged(fee_bps=150, reason="late")


@pytest.mark.usefixtures("_third_version")
def test_old_data_is_not_taken_for_new() -> None:
    with pytest.raises(MalformedEvent, match="reason is missing"):
        decode_event(type="FeeCharged", schema_version=3, data={"fee_bps": 150})


@pytest.mark.usefixtures("_third_version")
@pytest.mark.parametrize("version", [0, -1, 4])
def test_a_version_this_release_does_not_read_is_refused(version: int) -> None:
    with pytest.raises(UnsupportedVersion, match="reads 1 to 3"):
        decode_event(type="FeeCharged", schema_version=version, data={})


@pytest.mark.usefixtures("_third_version")
def test_a_type_this_release_does_not_know_is_refused() -> None:
    with pytest.raises(UnknownEventType, match="'FeeWaived'"):
        decode_event(type="FeeWaived", schema_version=1, data={})


def test_a_class_that_is_no_event_is_refused() -> None:
    with pytest.raises(UnknownEventType, match="dict"):
        type_of(dict)


@pytest.mark.usefixtures("_third_version")
def test_a_word_stands_for_one_type_only() -> None:
    with pytest.raises(ValueError, match="FeeCharged"):
        event(source="reports", category="fee", published=True)(FeeCharged)


def test_a_category_is_wholly_published_or_wholly_internal() -> None:
    published = {(kind.source, kind.category, kind.published) for kind in event_types()}
    categories = {(source, category) for source, category, _ in published}
    assert len(published) == len(categories) > 0


@pytest.mark.parametrize("versions", [(), (1,), (2,), (1, 2, 3), (0, 1, 2)])
def test_a_type_that_cannot_be_read_from_each_of_its_old_versions_is_refused(
    versions: tuple[int, ...],
) -> None:
    upcasters: dict[int, registry.Upcaster] = dict.fromkeys(versions, _give_a_reason)
    with pytest.raises(ValueError, match="FeeCharged v3 needs one upcaster from each older version"):
        event(source="ingest", category="fee", published=True, schema_version=3, upcasters=upcasters)(
            FeeCharged
        )


def test_a_stream_name_tells_its_category() -> None:
    for kind in event_types():
        assert "-" not in kind.category, kind.type
