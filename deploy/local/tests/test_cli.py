"""The command as a newcomer uses it: its own PostgreSQL, its own folder, real processes."""

import http.client
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from deploy.local.readiness import free_ports

BELLWETHER = [sys.executable, "-m", "deploy.local.cli"]
BUNDLED = Path(__file__).resolve().parents[3] / "services/ingest/providers/bundled"
METRICS = 24
NOT_INHERITED = ("DATABASE_URL", "BROKER_URL", "BROKER_NAMESPACE", "SECRET_KEY", "ALLOWED_HOSTS", "LOG_LEVEL")


class Installation:
    """One state folder, and the command run on it."""

    def __init__(self, home: Path) -> None:
        self.port = free_ports(1)[0]
        self.environment = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
        self.environment |= {"BELLWETHER_HOME": str(home / "state"), "BELLWETHER_PORT": str(self.port)}
        self.home = home

    def run(self, *words: str, code: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [*BELLWETHER, *words],
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done

    def json(self, *words: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.run(*words, "--json").stdout)
        return found

    def problem(self, *words: str, **environment: str) -> dict[str, Any]:
        done = self.run(*words, "--json", code=1, **environment)
        found: dict[str, Any] = json.loads(done.stderr.strip().splitlines()[-1])
        return found


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    home = tmp_path_factory.mktemp("cli")
    for folder in (home, *home.parents):
        if str(folder).startswith("/tmp/"):
            folder.chmod(0o711)  # as root, PostgreSQL's own account must pass through
    found = Installation(home)
    yield found
    found.run("down")


def get(url: str, **headers: str) -> tuple[int, dict[str, Any]]:
    address = urlsplit(url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=10)
    try:
        connection.request("GET", address.path, headers=headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


class TestCommand:
    """In this order, on one installation, as somebody would who tries it out."""

    def test_the_demo_prints_run_metrics_data_cut_forecast_and_files(
        self, installation: Installation
    ) -> None:
        demo = installation.json("demo", "FB", "--out", str(installation.home / "out"))

        assert demo["run"]["run_id"]
        assert demo["run"]["data_cut"] == {"FB": 1}
        assert len(demo["run"]["metrics"]) == METRICS
        assert len(demo["forecast"]["points"]) == 30
        assert Path(demo["report"]["files"]["pdf"]).read_bytes().startswith(b"%PDF")
        assert (
            json.loads(Path(demo["report"]["files"]["json"]).read_text())["hash"]
            == demo["report"]["document_hash"]
        )

    def test_people_read_a_metric_table_the_first_and_last_day_and_the_paths(
        self, installation: Installation
    ) -> None:
        done = installation.run("demo", "FB", "--out", str(installation.home / "out"), COLUMNS="100")

        assert "Total return" in done.stdout
        assert "2016-08-11" in done.stdout
        assert "2016-09-22" in done.stdout
        assert done.stdout.rstrip().splitlines()[-1].endswith("FB.png")
        assert str(installation.home / "out" / "FB.pdf") in done.stdout
        assert "✓" in done.stderr

    def test_a_second_fetch_finds_nothing_new(self, installation: Installation) -> None:
        job = installation.json("fetch", "fb")

        assert (job["state"], job["changed"], job["version"]) == ("succeeded", False, 1)

    def test_backtest_forecast_and_report_work_on_their_own(self, installation: Installation) -> None:
        run = installation.json("backtest", "FB", "--parameter", "buy_window=20", "--capital", "5000")
        forecast = installation.json("forecast", "FB")
        report = installation.json("report", "FB", "--out", str(installation.home / "again"))

        assert (run["parameters"]["buy_window"], run["initial_capital"]) == (20, "5000.00")
        assert forecast["points"][0]["session"] == "2016-08-11"
        assert Path(report["files"]["png"]).stat().st_size > 10_000

    def test_a_file_with_bad_rows_lists_them_and_imports_nothing(self, installation: Installation) -> None:
        lines = (BUNDLED / "GOOG.csv").read_text().splitlines()[:40]
        lines[5] = lines[5].replace("2014", "2114")
        lines[9] = "2014-04-08,1,0,2,1,5,0,1,1"
        file = installation.home / "bad.csv"
        file.write_text("\n".join(lines))

        problem = installation.problem("import", str(file), "--symbol", "NEW")

        assert problem["type"] == "/problems/import-rejected"
        assert [row["line"] for row in problem["errors"]] == [6, 10]
        assert installation.problem("report", "NEW")["type"] == "/problems/unknown-symbol"

    def test_an_imported_file_is_reported_on(self, installation: Installation) -> None:
        done = installation.json("import", str(BUNDLED / "GOOG.csv"), "--symbol", "MINE")

        assert (done["version"], done["rows"]) == (1, 588)
        run = installation.json("backtest", "MINE")
        assert run["trade_count"] == 7

    @pytest.mark.parametrize(
        ("words", "slug"),
        [
            (("fetch", "NOPE"), "unknown-symbol"),
            (("fetch", "no pe"), "invalid-symbol"),
            (("fetch", "FB", "--provider", "moon"), "unknown-provider"),
            (("backtest", "NOPE"), "unknown-symbol"),
            (("backtest", "FB", "--capital", "-5"), "validation-error"),
            (("backtest", "FB", "--capital", "nan"), "validation-error"),
            (("backtest", "FB", "--start", "2016-06-01"), "insufficient-history"),
            (("backtest", "FB", "--strategy", "luck"), "unknown-strategy"),
            (("forecast", "NOPE"), "unknown-symbol"),
            (("report", "NOPE"), "unknown-symbol"),
            (("import", "/nowhere.csv", "--symbol", "FB"), "unreadable-file"),
            (("token", "create", "no body"), "invalid-username"),
        ],
    )
    def test_bad_input_is_a_problem_on_stderr_and_a_non_zero_code(
        self, installation: Installation, words: tuple[str, ...], slug: str
    ) -> None:
        assert installation.problem(*words)["type"] == f"/problems/{slug}"

    def test_up_answers_down_stops_and_a_second_up_is_refused(self, installation: Installation) -> None:
        started = installation.json("up", "--detach")
        token = installation.json("token", "create", "tester")["token"]

        assert get(f"{started['url']}/readyz")[0] == 200
        assert get(f"{started['url']}/api/v1/fetches/")[0] == 401
        status, page = get(f"{started['url']}/api/v1/fetches/", Authorization=f"Token {token}")
        assert (status, len(page["results"]) > 0) == (200, True)
        assert installation.problem("up")["type"] == "/problems/already-running"
        assert installation.json("status")["running"] is True
        assert installation.json("fetch", "FB")["state"] == "succeeded"

        assert installation.json("down")["stopped"] == ["worker", "web"]
        assert installation.json("status") == {"running": False, "left_behind": []}
        assert installation.json("down")["was_running"] is False

    def test_a_taken_port_a_wrong_setting_and_a_bad_folder_are_one_clear_sentence_each(
        self, installation: Installation
    ) -> None:
        with socket.create_server(("127.0.0.1", installation.port)):
            assert "taken by another program" in installation.problem("up")["detail"]
        wrong = installation.problem("up", BELLWETHER_PORT="http")
        assert (
            wrong["detail"]
            == "BELLWETHER_PORT: 'http' cannot be used; it should be a port number from 1 to 65535."
        )
        hidden = installation.problem("status", SECRET_KEY="short-secret")
        assert "short-secret" not in hidden["detail"]
        bad = installation.problem("demo", BELLWETHER_HOME="/proc/nowhere")
        assert bad["type"] == "/problems/state-folder-unusable"
