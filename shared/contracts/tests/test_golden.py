"""What was once written is read for ever: `golden/<Type>.v<n>.json` is never changed and never deleted.

Nor is what `golden/fields/<Type>.v<n>.json` says of the fields that a version has. After a change of an event class
write a new version, its upcaster beside the class, its golden event, and its fields as `fields_of` gives them.
"""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from shared.contracts.codec import MalformedEvent, to_json
from shared.contracts.registry import EventType, decode_event, event_types
from shared.contracts.schema import HERE, schema_of

GOLDEN = Path(__file__).parent / "golden"
FILES = sorted(GOLDEN.glob("*.json"))
FIELDS = sorted((GOLDEN / "fields").glob("*.json"))
KINDS = event_types()
VERSION_OF = {kind.type: kind.schema_version for kind in KINDS}
CHANGED = "the class changed: raise schema_version, add an upcaster, a golden event and its fields"


def _read(file: Path) -> tuple[str, int, dict[str, Any]]:
    name, version = file.stem.split(".v")
    return name, int(version), json.loads(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_golden_event_is_still_read(file: Path) -> None:
    name, version, data = _read(file)
    decoded = to_json(decode_event(type=name, schema_version=version, data=data))
    if version == VERSION_OF[name]:
        assert decoded == data


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_golden_event_misses_no_field(file: Path) -> None:
    name, version, data = _read(file)
    for field in data:
        rest = {key: value for key, value in data.items() if key != field}
        with pytest.raises((MalformedEvent, KeyError), match=field):
            decode_event(type=name, schema_version=version, data=rest)


def test_every_version_of_every_type_has_a_golden_event() -> None:
    wanted = {f"{name}.v{version}" for name, last in VERSION_OF.items() for version in range(1, last + 1)}
    assert {file.stem for file in FILES} == wanted


@pytest.mark.parametrize("name", sorted(VERSION_OF))
def test_the_schema_takes_the_golden_event_and_refuses_it_without_any_field(name: str) -> None:
    schema = json.loads((HERE / "schemas" / f"{name}.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    data = _read(GOLDEN / f"{name}.v{VERSION_OF[name]}.json")[2]
    assert validator.is_valid(data)
    for field in data:
        assert not validator.is_valid({key: value for key, value in data.items() if key != field}), field
        assert not validator.is_valid({**data, field: [object]}), field


def fields_of(kind: EventType) -> dict[str, Any]:
    """Return the JSON Schema of each field of a class."""
    found: dict[str, Any] = schema_of(kind.cls)["properties"]
    return found


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.type)
def test_the_fields_of_a_class_are_those_of_its_version_on_record(kind: EventType) -> None:
    file = GOLDEN / "fields" / f"{kind.type}.v{kind.schema_version}.json"
    recorded = json.loads(file.read_text(encoding="utf-8")) if file.exists() else None

    assert fields_of(kind) == recorded, CHANGED


@pytest.mark.parametrize("file", FIELDS, ids=lambda file: file.stem)
def test_the_golden_event_of_a_version_has_the_fields_on_record(file: Path) -> None:
    properties = json.loads(file.read_text(encoding="utf-8"))
    _, _, data = _read(GOLDEN / file.name)

    assert set(data) == set(properties)
    assert Draft202012Validator({"type": "object", "properties": properties}).is_valid(data)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.type)
def test_each_upcaster_gives_the_fields_of_the_next_version_and_leaves_what_it_was_given(
    kind: EventType,
) -> None:
    for version, upcast in kind.upcasters.items():
        _, _, before = _read(GOLDEN / f"{kind.type}.v{version}.json")
        _, _, after = _read(GOLDEN / f"{kind.type}.v{version + 1}.json")
        given = copy.deepcopy(before)

        assert set(upcast(given)) == set(after), f"{kind.type} v{version}"
        assert given == before


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.type)
def test_an_old_golden_event_is_written_as_the_newest_version_and_read_as_the_same(kind: EventType) -> None:
    for version in range(1, kind.schema_version):
        _, _, data = _read(GOLDEN / f"{kind.type}.v{version}.json")
        old = decode_event(type=kind.type, schema_version=version, data=data)

        again = decode_event(type=kind.type, schema_version=kind.schema_version, data=to_json(old))

        assert again == old
        assert {name: to_json(old)[name] for name in data if name in fields_of(kind)} == {
            name: value for name, value in data.items() if name in fields_of(kind)
        }
