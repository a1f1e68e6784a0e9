import os
from pathlib import Path

import pytest

from deploy.local.errors import StateFolderUnusable
from deploy.local.state import ROOT_DEFAULT, _root_path, open_state


def test_a_new_state_folder_cannot_be_listed_by_others(tmp_path: Path) -> None:
    state = open_state({"BELLWETHER_HOME": str(tmp_path / "a" / "b")})

    assert state.root.stat().st_mode & 0o066 == 0
    assert state.logs.stat().st_mode & 0o777 == 0o700
    assert state.run.stat().st_mode & 0o777 == 0o700


def test_a_secret_is_made_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    state = open_state({"BELLWETHER_HOME": str(tmp_path)})

    first = state.secret("secret_key")

    assert len(first) >= 50
    assert open_state({"BELLWETHER_HOME": str(tmp_path)}).secret("secret_key") == first
    assert state.secret("another") != first
    assert (tmp_path / "secrets" / "secret_key").stat().st_mode & 0o777 == 0o600
    assert sorted(entry.name for entry in (tmp_path / "secrets").iterdir()) == ["another", "secret_key"]


def test_a_relative_folder_is_refused_with_its_value() -> None:
    with pytest.raises(
        StateFolderUnusable, match=r"BELLWETHER_HOME is 'here/state' and must be an absolute path"
    ):
        open_state({"BELLWETHER_HOME": "here/state"})


def test_a_folder_that_cannot_be_written_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    in_the_way = tmp_path / "file" / "state"

    with pytest.raises(StateFolderUnusable) as raised:
        open_state({"BELLWETHER_HOME": str(in_the_way)})

    assert raised.value.detail == (
        f"The state folder {in_the_way} cannot be used (not a directory): "
        "set BELLWETHER_HOME to a folder you may write."
    )


@pytest.mark.parametrize(
    ("uid", "environment", "expected"),
    [
        (0, {"XDG_STATE_HOME": "/x"}, ROOT_DEFAULT),
        (1000, {"XDG_STATE_HOME": "/x"}, Path("/x/bellwether")),
        (1000, {"XDG_STATE_HOME": ""}, Path.home() / ".local/state/bellwether"),
        (1000, {"XDG_STATE_HOME": "/x", "BELLWETHER_HOME": "/y"}, Path("/y")),
        (0, {"BELLWETHER_HOME": ""}, ROOT_DEFAULT),
    ],
)
def test_the_default_folder_depends_on_who_runs_it(
    monkeypatch: pytest.MonkeyPatch, uid: int, environment: dict[str, str], expected: Path
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: uid)

    assert _root_path(environment) == expected
