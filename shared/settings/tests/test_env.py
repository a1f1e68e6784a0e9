import re
from pathlib import Path

import pytest

from shared.settings.env import VARIABLES, WrongSetting, read, value_of

SECRET = "hunter2-not-to-be-shown"


def test_an_empty_environment_gives_the_defaults() -> None:
    values = read({})
    assert list(values) == [variable.name for variable in VARIABLES]
    assert values["BELLWETHER_PORT"] == 8000
    assert values["LOG_JSON"] is True
    assert values["ALLOWED_HOSTS"] == ("127.0.0.1", "localhost", "[::1]")
    assert values["DATABASE_URL"] is None


def test_values_are_parsed_to_their_types() -> None:
    values = read(
        {
            "BELLWETHER_PORT": "65535",
            "LOG_JSON": "No",
            "ALLOWED_HOSTS": " a.example , ,b.example",
            "BELLWETHER_HOME": "/srv/bellwether",
            "BROKER_URL": "amqps://user:word@host:5671/%2F",
            "DATABASE_URL": "postgresql://bellwether@/db?host=/tmp/socket",
        }
    )
    assert values["BELLWETHER_PORT"] == 65535
    assert values["LOG_JSON"] is False
    assert values["ALLOWED_HOSTS"] == ("a.example", "b.example")
    assert values["BELLWETHER_HOME"] == Path("/srv/bellwether")
    assert values["BROKER_URL"] == "amqps://user:word@host:5671/%2F"


def test_an_empty_variable_counts_as_unset() -> None:
    assert value_of("BELLWETHER_PORT", {"BELLWETHER_PORT": ""}) == 8000


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BELLWETHER_ENV", "staging"),
        ("BELLWETHER_PORT", "0"),
        ("BELLWETHER_PORT", "65536"),
        ("BELLWETHER_PORT", "+80"),
        ("BELLWETHER_PORT", "٨٠"),
        ("BELLWETHER_PORT", "9" * 5000),
        ("BROKER_NAMESPACE", "two words"),
        ("BROKER_NAMESPACE", "x" * 41),
        ("LOG_LEVEL", "info"),
        ("LOG_JSON", "maybe"),
        ("WEB_WORKERS", "65"),
        ("JOB_THREADS", "1.5"),
        ("JOB_LEASE_SECONDS", "-1"),
    ],
)
def test_a_wrong_value_is_named_with_what_it_should_be(name: str, value: str) -> None:
    expected = next(variable.expected for variable in VARIABLES if variable.name == name)
    with pytest.raises(WrongSetting) as caught:
        read({name: value})
    assert caught.value.detail.startswith(f"{name}: {value[:200]!r} cannot be used")
    assert caught.value.detail.endswith(f"it should be {expected}.")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", SECRET),
        ("DATABASE_URL", f"mysql://bellwether:{SECRET}@host/db"),
        ("DATABASE_URL", f"postgresql://bellwether:{SECRET}@host:port/db"),
        ("INGEST_DATABASE_URL", f"//{SECRET}"),
        ("BROKER_URL", f"http://guest:{SECRET}@host"),
    ],
)
@pytest.mark.parametrize("from_file", [False, True])
def test_a_wrong_secret_is_named_and_not_shown(
    name: str, value: str, from_file: bool, tmp_path: Path
) -> None:
    file = tmp_path / "secret"
    file.write_text(value)
    with pytest.raises(WrongSetting) as caught:
        read({f"{name}_FILE": str(file)} if from_file else {name: value})
    assert caught.value.detail.startswith(f"{name}: ")
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_every_variable_that_can_hold_a_password_is_secret() -> None:
    open_to_see = {variable.name for variable in VARIABLES if not variable.secret}
    assert not {name for name in open_to_see if re.search("URL|KEY|TOKEN|PASSWORD|SECRET", name)}


def test_a_value_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("k" * 40 + "\n")
    assert value_of("SECRET_KEY", {"SECRET_KEY_FILE": str(tmp_path / "key")}) == "k" * 40


def test_a_variable_stands_over_its_file(tmp_path: Path) -> None:
    (tmp_path / "port").write_text("1")
    environ = {"BELLWETHER_PORT": "2", "BELLWETHER_PORT_FILE": str(tmp_path / "port")}
    assert value_of("BELLWETHER_PORT", environ) == 2


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_named(content: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(WrongSetting, match=r"SECRET_KEY_FILE: the file .*key' cannot be read"):
        read({"SECRET_KEY_FILE": str(file)})


def test_a_name_outside_the_table_cannot_be_read() -> None:
    with pytest.raises(KeyError):
        value_of("HOME", {"HOME": "/root"})


def test_every_row_says_what_it_is_for() -> None:
    for variable in VARIABLES:
        assert variable.help, variable.name
        assert variable.expected, variable.name
        if variable.default is not None:
            variable.parse(variable.default)
