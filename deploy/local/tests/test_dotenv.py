"""The settings file is read as people write it, never over the environment, and only where they start things."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.checkout import CHECKOUT
from deploy.local.dotenv import load_env_file
from shared.settings.env import WrongSetting, read


def loaded(folder: Path, text: str, **given: str) -> dict[str, str]:
    (folder / ".env").write_text(text, encoding="utf-8")
    environment = {**given, "BELLWETHER_DOTENV": str(folder / ".env")}
    load_env_file(environment)
    del environment["BELLWETHER_DOTENV"]
    return environment


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("DATABASE_PASSWORD=plain", "plain"),
        ("DATABASE_PASSWORD = spaced ", "spaced"),
        ("  export DATABASE_PASSWORD=exported", "exported"),
        ("DATABASE_PASSWORD='single # quoted'", "single # quoted"),
        ('DATABASE_PASSWORD="double # quoted"', "double # quoted"),
        (r'DATABASE_PASSWORD="a \"quote\" inside"', 'a "quote" inside'),
        ("DATABASE_PASSWORD=p#ss$word%20!", "p#ss$word%20!"),
        ("DATABASE_PASSWORD=it's", "it's"),
        ("DATABASE_PASSWORD=word # a comment", "word"),
        ("DATABASE_PASSWORD='word' # a comment", "word"),
        ("DATABASE_PASSWORD=a=b==", "a=b=="),
        ("DATABASE_PASSWORD=first\nDATABASE_PASSWORD=last", "last"),
        ("DATABASE_PASSWORD=of windows\r\n# end\r\n", "of windows"),
        ("DATABASE_PASSWORD=", ""),
        ("DATABASE_PASSWORD= # nothing", ""),
    ],
)
def test_a_line_means_what_its_writer_meant(line: str, value: str, tmp_path: Path) -> None:
    assert loaded(tmp_path, f"\ufeff# settings\n\n{line}\n") == {"DATABASE_PASSWORD": value}


@pytest.mark.parametrize(
    "line", ["NOT A LINE secret", "=secret", "A='secret", 'A="secret', "A='x'secret", "A=#secret"]
)
def test_a_line_that_cannot_be_read_is_named_by_its_number_and_not_shown(line: str, tmp_path: Path) -> None:
    with pytest.raises(WrongSetting, match=r"\.env, line 3: write NAME=value") as caught:
        loaded(tmp_path, f"\n# two\n{line}\n")

    assert "secret" not in caught.value.detail


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_named_file_that_cannot_be_read_is_an_error(content: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "settings"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(WrongSetting, match="settings cannot be read"):
        load_env_file({"BELLWETHER_DOTENV": str(file)})


def test_the_environment_stands_over_the_file_under_any_name(tmp_path: Path) -> None:
    text = "ALPHA_VANTAGE_API_KEY=file\nSECRET_KEY=file\nDATABASE_URL=postgresql:///file\nLOG_LEVEL=DEBUG\n"

    environment = loaded(
        tmp_path, text, ALPHAVANTAGE_API_KEY="real", DJANGO_SECRET_KEY_FILE="/key", DATABASE_NAME="real"
    )

    assert environment == {
        "ALPHAVANTAGE_API_KEY": "real",
        "DJANGO_SECRET_KEY_FILE": "/key",
        "DATABASE_NAME": "real",
        "LOG_LEVEL": "DEBUG",
    }


def test_an_empty_variable_leaves_the_word_to_the_file(tmp_path: Path) -> None:
    assert loaded(tmp_path, "BELLWETHER_PORT=8123\n", BELLWETHER_PORT="") == {"BELLWETHER_PORT": "8123"}


def test_names_that_are_not_ours_are_left_alone(tmp_path: Path) -> None:
    text = "DJANGO_SETTINGS_MODULE=older.settings\nPATH=/nowhere\nREDIS_URL=redis://x\n"

    assert loaded(tmp_path, text) == {}


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("BELLWETHER_PROT", "BELLWETHER_PORT"),
        ("BELLWETER_HOME", "BELLWETHER_HOME"),
        ("DATABSE_URL", "DATABASE_URL"),
        ("log_level", "LOG_LEVEL"),
        ("TEST_DATABASE_URL", None),
        ("REDIS_URL", None),
    ],
)
def test_a_name_that_seems_misspelt_is_doubted(name: str, meant: str | None, tmp_path: Path) -> None:
    file = tmp_path / "settings"
    file.write_text(f"{name}=secret\n")

    doubts = load_env_file({"BELLWETHER_DOTENV": str(file), "BELLWETHER_OTHER": "of the environment"})

    assert doubts == ([f"{file}: there is no setting {name}. Did you mean {meant}?"] if meant else [])


def test_the_file_of_the_working_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("BELLWETHER_PORT=8124\n")
    monkeypatch.chdir(tmp_path)
    environment: dict[str, str] = {}

    load_env_file(environment)

    assert environment == {"BELLWETHER_PORT": "8124"}


def test_the_example_can_be_read_and_changes_nothing(tmp_path: Path) -> None:
    example = (CHECKOUT / ".env.example").read_text(encoding="utf-8")
    settings = re.findall(r"^# ([A-Z_]+=.*)$", example, re.MULTILINE)

    assert loaded(tmp_path, example) == {}
    assert read(loaded(tmp_path, "\n".join(settings))) == read({})


def test_a_service_on_its_own_does_not_read_it(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SECRET_KEY=" + "k" * 40 + "\nDATABASE_URL=postgresql:///file\n")

    done = subprocess.run(
        [sys.executable, CHECKOUT / "services/ingest/manage.py", "check"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(CHECKOUT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr.startswith("SECRET_KEY: not set")
