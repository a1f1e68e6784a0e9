from pathlib import Path

import pytest

from deploy.local import postgres_socket
from deploy.local.accounts import server_account
from deploy.local.errors import StateFolderUnusable
from deploy.local.postgres_socket import fits, socket_folder_for, socket_url

# "/.s.PGSQL.5432" takes 14 of the 107 bytes the kernel gives a socket's path.


def test_a_path_of_107_bytes_fits_and_one_more_does_not() -> None:
    assert fits(Path("/" + "x" * 92))
    assert not fits(Path("/" + "x" * 93))


def test_length_is_counted_in_bytes() -> None:
    assert not fits(Path("/" + "é" * 47))


def test_a_long_folder_gets_a_short_private_socket_folder_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_socket, "SHORT_ROOT", tmp_path)
    account = server_account(None)
    long = tmp_path / ("x" * 100)
    long.mkdir()

    chosen = socket_folder_for(long, account)

    assert chosen.parent == tmp_path
    assert chosen == socket_folder_for(long, account)
    assert chosen != socket_folder_for(tmp_path / ("y" * 100), account)
    assert chosen.stat().st_mode & 0o777 == 0o700
    assert chosen.stat().st_uid == account.uid


def test_a_planted_link_in_the_shared_folder_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_socket, "SHORT_ROOT", tmp_path)
    account = server_account(None)
    planted = socket_folder_for(tmp_path / ("x" * 100), account)
    planted.rmdir()
    planted.symlink_to(tmp_path)

    with pytest.raises(StateFolderUnusable, match="belongs to another user"):
        socket_folder_for(tmp_path / ("x" * 100), account)


def test_the_url_carries_a_folder_with_special_characters() -> None:
    url = socket_url(folder=Path("/a b/c&d"), database="bellwether")

    assert url == "postgresql://bellwether@/bellwether?host=/a%20b/c%26d&port=5432"
