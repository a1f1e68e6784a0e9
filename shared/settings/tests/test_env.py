import re
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from shared.settings.databases import databases
from shared.settings.env import WrongSetting, is_given, read
from shared.settings.table import VARIABLES

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
    assert read({"BELLWETHER_PORT": ""})["BELLWETHER_PORT"] == 8000


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
        ("DEBUG", "maybe"),
        ("DATABASE_ENGINE", "django.db.backends.sqlite3"),
        ("DATABASE_ENGINE", "django.db.backends.mysql"),
        ("DATABASE_HOST", "two hosts"),
        ("BELLWETHER_BIND", "localhost"),
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
    assert read({"SECRET_KEY_FILE": str(tmp_path / "key")})["SECRET_KEY"] == "k" * 40


def test_a_variable_stands_over_its_file(tmp_path: Path) -> None:
    (tmp_path / "port").write_text("1")
    environ = {"BELLWETHER_PORT": "2", "BELLWETHER_PORT_FILE": str(tmp_path / "port")}
    assert read(environ)["BELLWETHER_PORT"] == 2


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_named(content: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(WrongSetting, match=r"SECRET_KEY_FILE: the file .*key' cannot be read"):
        read({"SECRET_KEY_FILE": str(file)})


def test_every_row_says_what_it_is_for() -> None:
    for variable in VARIABLES:
        assert variable.help, variable.name
        assert variable.expected, variable.name
        if variable.default is not None:
            variable.parse(variable.default)


@pytest.mark.parametrize("text", ["1", "true", "True", "TRUE", "yes", "on", "On"])
def test_a_switch_is_on_however_people_write_it(text: str) -> None:
    assert read({"DEBUG": text})["DEBUG"] is True


@pytest.mark.parametrize("text", ["0", "false", "False", "no", "off"])
def test_a_switch_is_off_however_people_write_it(text: str) -> None:
    assert read({"LOG_JSON": text})["LOG_JSON"] is False


def test_debug_means_more_lines_for_people_unless_they_are_chosen() -> None:
    quiet, loud = read({}), read({"DEBUG": "True"})
    chosen = read({"DEBUG": "True", "LOG_LEVEL": "WARNING", "LOG_JSON": "true"})

    assert (quiet["LOG_LEVEL"], quiet["LOG_JSON"]) == ("INFO", True)
    assert (loud["LOG_LEVEL"], loud["LOG_JSON"]) == ("DEBUG", False)
    assert (chosen["LOG_LEVEL"], chosen["LOG_JSON"]) == ("WARNING", True)


ALIASES = [(variable.name, alias) for variable in VARIABLES for alias in variable.aliases]


def test_the_names_that_other_settings_files_use_are_known() -> None:
    assert ("ALPHAVANTAGE_API_KEY", "ALPHA_VANTAGE_API_KEY") in ALIASES
    assert ("SECRET_KEY", "DJANGO_SECRET_KEY") in ALIASES


@pytest.mark.parametrize(("name", "alias"), ALIASES)
def test_an_alias_gives_its_variable_itself_and_as_a_file(name: str, alias: str, tmp_path: Path) -> None:
    value = "k" * 40
    (tmp_path / "key").write_text(value + "\n")

    assert read({alias: value})[name] == value
    assert read({f"{alias}_FILE": str(tmp_path / "key")})[name] == value
    assert read({alias: value, name: value})[name] == value
    assert is_given(name, {alias: value})
    assert is_given(name, {f"{alias}_FILE": "/somewhere"})
    assert not is_given(name, {alias: ""})


@pytest.mark.parametrize(("name", "alias"), ALIASES)
def test_two_names_set_differently_are_refused_without_showing_a_secret(name: str, alias: str) -> None:
    with pytest.raises(WrongSetting) as caught:
        read({name: SECRET + "a" * 20, alias: SECRET + "b" * 20})

    assert caught.value.detail == f"{name} and {alias} mean the same and are set differently: keep {name}."


def test_no_name_is_given_to_two_variables() -> None:
    names = [name for variable in VARIABLES for name in variable.names]

    assert len(names) == len(set(names))
    assert not any(name.endswith("_FILE") for name in names)


PARTS = {"DATABASE_NAME": "stocks", "DATABASE_USER": "me"}


@pytest.mark.parametrize("password", ["plain", "p#ss w%20rd/:@?&=+$'\"\\,ü", None])
@pytest.mark.parametrize("host", ["db.example", "/var/run/post gresql", "::1", None])
def test_the_parts_of_a_database_reach_django_and_libpq_as_they_were_written(
    password: str | None, host: str | None
) -> None:
    given = {
        **PARTS,
        "DATABASE_PASSWORD": password or "",
        "DATABASE_HOST": host or "",
        "DATABASE_PORT": "6543",
    }

    values = read(given)

    django = databases(values, as_owner=True)["ingest"]
    libpq = conninfo_to_dict(values["DATABASE_URL"])
    assert (django["NAME"], django["USER"], django["PASSWORD"]) == ("stocks", "me", password or "")
    assert (django["OPTIONS"]["host"], django["OPTIONS"]["port"]) == (host or "localhost", 6543)
    assert (libpq["dbname"], libpq["user"], libpq.get("password")) == ("stocks", "me", password)
    assert (libpq["host"], libpq["port"]) == (host or "localhost", "6543")


def test_the_usual_port_is_the_default_and_the_password_may_be_a_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("from a file\n")

    url = read({**PARTS, "DATABASE_PASSWORD_FILE": str(tmp_path / "password")})["DATABASE_URL"]

    assert url == "postgresql://me:from%20a%20file@/stocks?host=localhost&port=5432"


def test_database_url_stands_over_its_parts() -> None:
    assert read({**PARTS, "DATABASE_URL": "postgresql:///mine"})["DATABASE_URL"] == "postgresql:///mine"


@pytest.mark.parametrize(
    "given",
    [
        {"DATABASE_NAME": "stocks"},
        {"DATABASE_USER": "me", "DATABASE_PASSWORD": SECRET},
        {"DATABASE_PASSWORD": SECRET},
        {"DATABASE_HOST": "db", "DATABASE_PORT": "5432"},
    ],
)
def test_an_incomplete_set_of_parts_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(WrongSetting, match="DATABASE_NAME and DATABASE_USER are both needed") as caught:
        read(given)

    assert all(name in caught.value.detail for name in given)
    assert SECRET not in caught.value.detail


def test_the_engine_of_older_settings_files_chooses_nothing_by_itself() -> None:
    assert read({"DATABASE_ENGINE": "django.db.backends.postgresql"})["DATABASE_URL"] is None
