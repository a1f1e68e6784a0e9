"""The command as a newcomer uses it: its own PostgreSQL, its own folder, real processes."""

import http.client
import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from deploy.local.checkout import command_line
from deploy.local.tests.installation import Installation, installed

BUNDLED = Path(__file__).resolve().parents[3] / "services/ingest/providers/bundled"
METRICS = 25


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    with installed() as found:
        yield found


def text_of(url: str) -> str:
    with urlopen(url, timeout=10) as answer:
        return str(answer.read().decode())


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
        installation.first_account = demo["account"]

        assert demo["run"]["run_id"]
        assert demo["run"]["status"] == "succeeded"
        assert demo["run"]["data_cut"] == {"FB": 1}
        assert len(demo["run"]["metrics"]) == METRICS
        assert len(demo["forecast"]["points"]) == 30
        assert Path(demo["report"]["files"]["pdf"]).read_bytes().startswith(b"%PDF")
        assert (
            json.loads(Path(demo["report"]["files"]["json"]).read_text())["hash"]
            == demo["report"]["document_hash"]
        )

    def test_the_first_run_made_an_account_and_the_second_makes_and_tells_nothing(
        self, installation: Installation
    ) -> None:
        account = installation.first_account

        again = installation.json("demo", "FB", "--out", str(installation.home / "out"))

        assert account["username"] == "admin"
        assert re.fullmatch(r"([2-9a-z]{5}-){3}[2-9a-z]{5}", account["password"])
        (token,) = installation.json("token", "list", "admin")["tokens"]
        assert (token["kind"], token["name"]) == ("api", "first run")
        assert account["token"].startswith(token["prefix"])
        assert "account" not in again

    def test_people_read_a_metric_table_the_first_and_last_day_and_the_paths(
        self, installation: Installation
    ) -> None:
        done = installation.run("demo", "FB", "--out", str(installation.home / "out"), COLUMNS="100")

        assert "Total return" in done.stdout
        (report_id,) = re.findall(r"^Report ([0-9a-f]{8}),", done.stdout, re.MULTILINE)
        way_back = installation.run("why", report_id).stdout
        assert "ReportRendered" in way_back
        assert "Read from bundled/FB.csv, for version 1" in way_back
        assert "2016-08-11" in done.stdout
        assert "2016-09-22" in done.stdout
        assert done.stdout.rstrip().splitlines()[-1].endswith("FB.png")
        assert str(installation.home / "out" / "FB.pdf") in done.stdout
        assert "✓" in done.stderr

    def test_a_second_fetch_finds_nothing_new(self, installation: Installation) -> None:
        job = installation.json("fetch", "fb")

        assert (job["status"], job["error"], job["changed"], job["version"]) == ("succeeded", None, False, 1)

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

    def test_tokens_are_made_listed_and_revoked(self, installation: Installation) -> None:
        text = installation.json("token", "create", "Maker", "--name", "laptop")["token"]
        (token,) = installation.json("token", "list", "MAKER")["tokens"]

        assert (token["user"], token["name"], token["last_used_at"]) == ("maker", "laptop", None)
        assert text not in installation.run("token", "list").stdout
        assert installation.problem("token", "revoke", "bw_")["type"] == "/problems/not-found"
        assert installation.json("token", "revoke", token["id"])["revoked"]["id"] == token["id"]
        assert installation.json("token", "list", "maker") == {"tokens": []}
        assert installation.problem("token", "revoke", token["id"])["type"] == "/problems/not-found"

    def test_a_new_user_is_told_and_the_short_id_of_the_list_revokes(
        self, installation: Installation
    ) -> None:
        first = installation.run("token", "create", "Amdin")
        second = installation.run("token", "create", "amdin")
        (token, other) = installation.json("token", "list", "amdin")["tokens"]

        assert (first.stderr, second.stderr) == ("New user amdin.\n", "")
        assert token["id"][:8] in installation.run("token", "list", COLUMNS="120").stdout
        assert installation.problem("token", "revoke", "")["type"] == "/problems/not-found"
        assert installation.json("token", "revoke", token["id"][:8])["revoked"]["id"] == token["id"]
        assert [row["id"] for row in installation.json("token", "list", "amdin")["tokens"]] == [other["id"]]

    def test_people_without_prices_are_told_commands_and_no_addresses(
        self, installation: Installation
    ) -> None:
        told = installation.run("forecast", "NOPE", code=1).stderr

        assert told.endswith(
            "Error: No prices of NOPE are stored. Import or fetch them first:"
            f" {command_line('import FILE --symbol NOPE')}, or {command_line('fetch NOPE')}\n"
        )

    def test_up_answers_down_stops_and_a_second_up_is_refused(self, installation: Installation) -> None:
        started = installation.json("up", "--detach")
        token = installation.json("token", "create", "tester")["token"]

        assert started["url"] == f"http://127.0.0.1:{installation.port}"
        assert (started["docs"], started["admin"]) == (
            f"{started['url']}/api/docs/",
            f"{started['url']}/admin/",
        )
        assert "account" not in started
        assert started["superuser"] == "admin"
        assert get(f"{started['url']}/readyz")[0] == 200
        assert get(f"{started['url']}/api/v1/fetches/")[0] == 401
        status, page = get(f"{started['url']}/api/v1/fetches/", Authorization=f"Token {token}")
        assert (status, len(page["results"]) > 0) == (200, True)
        assert installation.problem("up")["type"] == "/problems/already-running"
        assert installation.json("status")["running"] is True
        assert installation.json("fetch", "FB")["status"] == "succeeded"
        told = text_of(f"{started['url']}/metrics")
        assert (
            'bellwether_jobs_total{kind="fetch",outcome="succeeded",service="ingest"} 1.0' in told
        )  # the worker's

        assert installation.json("down")["stopped"] == ["worker", "web"]
        stopped = installation.json("status")
        assert (stopped["running"], stopped["left_behind"]) == (False, [])
        assert stopped["services"]["ingest"]["parked"] == 0
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
