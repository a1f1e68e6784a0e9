from datetime import date
from decimal import Decimal

from shared.contracts.schema import HERE, files, schema_of

GENERATE = "run `python -m shared.contracts.schema`"


def test_the_committed_files_are_the_generated_ones() -> None:
    generated = files()
    committed = {f"schemas/{path.name}" for path in (HERE / "schemas").iterdir()} | {"EVENTS.md"}
    assert committed == set(generated), GENERATE
    for name, text in generated.items():
        assert (HERE / name).read_text(encoding="utf-8") == text, f"{name}: {GENERATE}"


def test_types_of_fields_become_json_schema() -> None:
    assert schema_of(date | None) == {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]}
    assert schema_of(dict[str, tuple[float, ...]]) == {
        "type": "object",
        "additionalProperties": {"type": "array", "items": {"type": "number"}},
    }
    assert schema_of(Decimal)["pattern"] == r"^-?[0-9]+(\.[0-9]+)?$"
