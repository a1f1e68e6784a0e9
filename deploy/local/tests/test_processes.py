import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.local import processes
from deploy.local.errors import AlreadyRunning, PortTaken, ProcessFailed
from deploy.local.process_record import Identity, read_record, write_record
from deploy.local.processes import (
    ProcessSpec,
    Supervisor,
    require_not_running,
    running_record,
    start_detached,
    take_down,
)
from deploy.local.readiness import answers_ready, free_ports
from deploy.local.state import StateFolder, open_state

CHECKOUT = Path(__file__).resolve().parents[3]
READY_SERVER = """
import http.server, sys
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/readyz" else 404); self.end_headers()
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Ready).serve_forever()
"""
STUBBORN = "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); signal.pause()"
SUPERVISE = """
import os, sys
from deploy.local.processes import ProcessSpec, Supervisor
from deploy.local.signals import stop_signals_interrupt
from deploy.local.state import open_state
url, server = sys.argv[1:]
state = open_state(os.environ)
with stop_signals_interrupt(), Supervisor(state=state, url=url) as supervisor:
    supervisor.spawn(ProcessSpec(name="web", command=[sys.executable, "-c", server, url[-5:]], environment={}))
    supervisor.wait_until_ready()
    supervisor.run_until_stopped(report=print)
"""


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    return open_state({"BELLWETHER_HOME": str(tmp_path)})


@pytest.fixture
def url() -> str:
    return f"http://127.0.0.1:{free_ports(1)[0]}"


def _python(name: str, code: str, *arguments: str) -> ProcessSpec:
    return ProcessSpec(name=name, command=[sys.executable, "-c", code, *arguments], environment={})


def _supervising_command(state: StateFolder, url: str) -> ProcessSpec:
    environment = {"BELLWETHER_HOME": str(state.root), "PYTHONPATH": str(CHECKOUT)}
    return ProcessSpec(
        name="up", command=[sys.executable, "-c", SUPERVISE, url, READY_SERVER], environment=environment
    )


def _children(state: StateFolder) -> dict[str, Identity]:
    record = read_record(state)
    assert record is not None
    return record.children


def test_a_supervised_process_becomes_ready_and_is_gone_afterwards(state: StateFolder, url: str) -> None:
    with Supervisor(state=state, url=url) as supervisor:
        supervisor.spawn(_python("web", READY_SERVER, url[-5:]))
        supervisor.wait_until_ready()
        web = _children(state)["web"]
        assert web.is_alive()

    assert not web.is_alive()
    assert running_record(state) is None


def test_a_second_supervisor_is_refused_with_pid_and_url(state: StateFolder, url: str) -> None:
    with Supervisor(state=state, url=url):
        with pytest.raises(AlreadyRunning) as raised, Supervisor(state=state, url=url):
            pass
        with pytest.raises(AlreadyRunning):
            require_not_running(state)

    assert raised.value.detail == (
        f"Bellwether already runs as process {os.getpid()} at {url}: use it, or stop it with `make down`."
    )


def test_a_stale_record_is_not_believed_although_its_number_lives_again(state: StateFolder, url: str) -> None:
    write_record(state, url=url, supervisor=os.getpid(), children={})
    path = state.run / "up.json"
    mine = Identity.of(os.getpid())
    assert mine is not None
    path.write_text(path.read_text().replace(str(mine.started_ticks), str(mine.started_ticks - 1)))

    require_not_running(state)
    assert take_down(state) == []


def test_a_process_ending_at_once_is_named_with_its_last_words(state: StateFolder, url: str) -> None:
    with Supervisor(state=state, url=url) as supervisor:
        supervisor.spawn(_python("web", "raise SystemExit('no such table')"))

        with pytest.raises(
            ProcessFailed, match=r"^web ended with code 1 while starting; .* says: no such table$"
        ):
            supervisor.wait_until_ready()


def test_a_process_that_ends_is_started_again_but_not_for_ever(state: StateFolder, url: str) -> None:
    reports: list[str] = []
    with Supervisor(state=state, url=url) as supervisor:
        supervisor.spawn(_python("worker", "raise SystemExit(3)"))

        with pytest.raises(ProcessFailed, match=r"^worker keeps ending \(last with code 3\)"):
            supervisor.run_until_stopped(report=reports.append)

    assert len(reports) == processes.RESTARTS_PERMITTED


def test_a_process_deaf_to_sigterm_is_killed_after_the_grace(
    state: StateFolder, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "GRACE_SECONDS", 0.1)
    with Supervisor(state=state, url=url) as supervisor:
        supervisor.spawn(_python("deaf", STUBBORN))
        deaf = _children(state)["deaf"]
        _wait_for(lambda: "up" in (state.logs / "deaf.log").read_text())

    assert not deaf.is_alive()


def test_what_a_killed_supervisor_left_is_stopped_before_the_next_start(state: StateFolder, url: str) -> None:
    with subprocess.Popen([sys.executable, "-c", READY_SERVER, url[-5:]], start_new_session=True) as orphan:
        _wait_for(lambda: answers_ready(url))
        write_record(state, url=url, supervisor=os.getpid(), children={"web": orphan.pid})

        with Supervisor(state=state, url=url):
            assert orphan.wait(timeout=5) == -signal.SIGTERM


def test_a_port_in_use_stops_the_start_and_frees_the_supervisor(state: StateFolder, url: str) -> None:
    with subprocess.Popen([sys.executable, "-c", READY_SERVER, url[-5:]]) as stranger:
        _wait_for(lambda: answers_ready(url))

        with pytest.raises(PortTaken), Supervisor(state=state, url=url):
            pass
        with pytest.raises(PortTaken):
            start_detached(spec=_supervising_command(state, url), state=state, url=url)
        stranger.terminate()
        assert stranger.wait() == -signal.SIGTERM

    with Supervisor(state=state, url=url):
        assert running_record(state) is not None


def test_a_detached_start_returns_when_ready_and_down_stops_it_all(state: StateFolder, url: str) -> None:
    record = start_detached(spec=_supervising_command(state, url), state=state, url=url)
    children = _children(state)
    assert answers_ready(url)
    with pytest.raises(AlreadyRunning):
        start_detached(spec=_supervising_command(state, url), state=state, url=url)

    assert take_down(state) == ["web"]

    assert not record.supervisor.is_alive()
    assert not children["web"].is_alive()
    assert take_down(state) == []
    processes.reap()


def test_a_detached_start_that_fails_hands_on_the_last_words(state: StateFolder, url: str) -> None:
    with pytest.raises(ProcessFailed, match=r"^up did not become ready; .* says: wrong setting$"):
        start_detached(spec=_python("up", "raise SystemExit('wrong setting')"), state=state, url=url)
    processes.reap()


def _wait_for(condition: Callable[[], bool]) -> None:
    """Poll without a fixed pause; the test's own process limit ends a wait in vain."""
    for _ in range(2000):
        if condition():
            return
        signal.sigtimedwait([], 0.005)
    pytest.fail("the condition did not come true in ten seconds")
