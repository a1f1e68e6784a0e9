import os
import signal
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from deploy.local import postgres, postgres_binaries
from deploy.local.accounts import Account
from deploy.local.errors import PostgresUnavailable, StateFolderUnusable
from deploy.local.postgres import Server, start, stop_unused
from deploy.local.state import StateFolder, open_state

ENVIRONMENT: Mapping[str, str] = {"PATH": os.environ["PATH"]}


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="bw-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


@pytest.fixture
def state(home: Path) -> StateFolder:
    return open_state({"BELLWETHER_HOME": str(home / "state")})


def _start(state: StateFolder) -> Server:
    return start(state=state, environment=ENVIRONMENT, durable=False)


def _answers(server_url: str) -> bool:
    try:
        psycopg.connect(server_url).close()
    except psycopg.OperationalError:
        return False
    return True


def _postmaster_pid(state: StateFolder) -> int:
    (pid_file,) = state.postgres.glob("*/postmaster.pid")
    return int(pid_file.read_text().splitlines()[0])


def test_a_given_database_is_taken_as_it_is_and_nothing_is_started(state: StateFolder) -> None:
    with start(state=state, environment={"DATABASE_URL": "postgresql://db.example/x"}) as server:
        assert server.url == "postgresql://db.example/x"

    assert server.version is None


def test_a_started_server_keeps_utc_and_utf8_and_listens_on_no_network(state: StateFolder) -> None:
    with _start(state) as server, psycopg.connect(server.url) as connection:
        row = connection.execute(
            "SELECT current_database(), current_user, current_setting('TimeZone'), current_setting('server_encoding'),"
            " current_setting('listen_addresses')"
        ).fetchone()

    assert row == ("bellwether", "bellwether", "UTC", "UTF8", "")
    assert not _answers(server.url)


def test_data_outlives_the_server(state: StateFolder) -> None:
    with _start(state) as server, psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")

    with _start(state) as server, psycopg.connect(server.url) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_the_last_user_stops_the_server_and_not_the_one_who_started_it(state: StateFolder) -> None:
    first = _start(state)
    second = _start(state)

    first.close()
    assert _answers(second.url)

    second.close()
    assert not _answers(second.url)


def test_simultaneous_starts_share_one_server(state: StateFolder) -> None:
    with ThreadPoolExecutor(4) as pool:
        servers = list(pool.map(lambda _: _start(state), range(4)))

    assert _answers(servers[0].url)
    for server in servers:
        assert _answers(server.url)
        server.close()
    assert not _answers(servers[0].url)


def test_a_server_that_was_killed_leaves_nothing_in_the_way(state: StateFolder) -> None:
    killed = _start(state)
    pid_file = next(state.postgres.glob("*/postmaster.pid"))
    os.kill(_postmaster_pid(state), signal.SIGKILL)
    killed.close()
    # The number in the stale file now belongs to a living program, as happens after a reboot.
    pid_file.write_text(f"{os.getpid()}\n" + pid_file.read_text().partition("\n")[2])

    with _start(state) as server:
        assert _answers(server.url)


def test_a_server_without_users_is_stopped_and_one_with_users_is_not(state: StateFolder) -> None:
    server = _start(state)
    assert not stop_unused(state=state)
    assert _answers(server.url)

    assert server._users is not None
    server._users.close()  # as the kernel does for a command that is killed

    assert stop_unused(state=state)
    assert not _answers(server.url)
    assert not stop_unused(state=state)


def test_data_of_another_version_is_named_and_left_alone(home: Path) -> None:
    state = open_state({"BELLWETHER_HOME": str(home / "future")})
    (state.postgres / "99").mkdir()

    with pytest.raises(PostgresUnavailable, match="was written by PostgreSQL 99 and this machine has"):
        _start(state)

    assert [entry.name for entry in state.postgres.glob("*") if entry.is_dir()] == ["99"]


def test_a_machine_without_postgresql_gets_one_sentence(
    state: StateFolder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(postgres_binaries, "DEBIAN_FOLDER", tmp_path / "none")
    monkeypatch.setattr(postgres_binaries, "WHEEL", "no_such_wheel")

    with pytest.raises(PostgresUnavailable, match=r"^No PostgreSQL server 15 or newer was found: install"):
        start(state=state, environment={"PATH": str(tmp_path)})


def test_a_folder_the_servers_account_cannot_reach_is_named(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = home / "closed"
    closed.mkdir(mode=0o700)
    state = open_state({"BELLWETHER_HOME": str(closed / "state")})
    stranger = Account(uid=61_234, gid=61_234, name="stranger")
    monkeypatch.setattr(postgres, "server_account", lambda _data: stranger)

    with pytest.raises(
        StateFolderUnusable, match=f"its account stranger may not enter {closed}: set BELLWETHER_HOME"
    ):
        _start(state)
