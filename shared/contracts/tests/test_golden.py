"""What was once written is read for ever: `golden/<Type>.v<n>.json` is never changed and never deleted."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from shared.contracts.codec import MalformedEvent, to_json
from shared.contracts.registry import decode_event, event_types
from shared.contracts.schema import HERE

GOLDEN = Path(__file__).parent / "golden"
FILES = sorted(GOLDEN.glob("*.json"))
VERSION_OF = {kind.type: kind.schema_version for kind in event_types()}


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
