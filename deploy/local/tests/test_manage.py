"""The root `manage.py` as somebody uses it who knows Django: one fresh installation, real processes."""

import http.client
import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from deploy.local.checkout import CHECKOUT
from deploy.local.readiness import answers_ready, free_ports
from deploy.local.tests.installation import Installation, installed


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    with installed() as found:
        yield found


def post(host: str, port: int, path: str, body: dict[str, str]) -> int:
    connection = http.client.HTTPConnection(host, port, timeout=20)
    try:
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        return connection.getresponse().status
    finally:
        connection.close()


class TestManage:
    """In this order, on one installation."""

    def test_help_version_and_check_start_nothing(self, installation: Installation) -> None:
        assert "predict_next_30_days" in installation.manage("help").stdout
        assert installation.manage("--version").stdout.strip()[0].isdigit()
        assert "no issues" in installation.manage("check").stdout
        assert "--provider" in installation.manage("load_stock_data", "--help").stdout

        assert not (installation.home / "state" / "postgres").exists()

    def test_the_first_up_tells_an_account_once_and_only_on_the_terminal(
        self, installation: Installation
    ) -> None:
        done = installation.run("up", "--detach", "--json", BELLWETHER_BIND="127.0.0.2", DEBUG="True")
        started = json.loads(done.stdout)
        account = started["account"]
        login = {"username": account["username"], "password": account["password"]}

        assert started["url"] == f"http://127.0.0.2:{installation.port}"
        assert done.stderr.count("Warning: DEBUG") == 1
        assert answers_ready(started["url"])
        assert not answers_ready(f"http://127.0.0.1:{installation.port}")
        assert post("127.0.0.2", installation.port, "/api/v1/tokens/", login) == 201
        for log in (installation.home / "state" / "logs").iterdir():
            assert account["password"] not in log.read_text(errors="replace")
            assert account["token"] not in log.read_text(errors="replace")
        installation.run("down")

    def test_symbols_are_loaded_through_the_worker_and_those_that_cannot_be_are_named(
        self, installation: Installation
    ) -> None:
        done = installation.manage("load_stock_data", "fb", "NOPE", "FB", "--json", code=1)

        loaded, refused = json.loads(done.stdout)["fetches"]
        assert (loaded["symbol"], loaded["status"], loaded["bar_count"]) == ("FB", "succeeded", 1051)
        assert (refused["symbol"], refused["error"]["type"]) == ("NOPE", "/problems/unknown-symbol")
        assert json.loads(done.stderr.strip().splitlines()[-1])["type"] == "/problems/not-all-loaded"

    def test_a_table_shows_what_a_fetch_brought(self, installation: Installation) -> None:
        table = installation.manage("fetch_stock_data", "FB").stdout

        assert [word.strip() for word in table.splitlines()[3].split("│")[1:-1]] == [
            *("FB", "1,051", "2012-05-18", "2016-08-10", "1", "unchanged")
        ]

    def test_all_thirty_sessions_are_forecast_with_band_and_random_walk(
        self, installation: Installation
    ) -> None:
        points = json.loads(installation.manage("predict_next_30_days", "FB", "--json").stdout)["points"]
        table = installation.manage("predict_next_30_days", "FB", COLUMNS="100").stdout

        assert len(points) == 30
        for point in points:
            assert point["low80"] < point["point"] < point["high80"]
            assert point["random_walk"] == points[0]["random_walk"]
            assert f"{point['session']} │" in table
            assert f"{point['point']:,.2f}" in table

    @pytest.mark.skipif(find_spec("sklearn") is not None, reason="the extra is installed here")
    def test_training_without_its_extra_is_one_sentence(self, installation: Installation) -> None:
        done = installation.manage("train_ml_model", "FB", code=1)

        assert done.stdout == ""
        assert done.stderr.count("\n") == 1
        assert "deploy/local/bootstrap.sh --extra train" in done.stderr

    @pytest.mark.parametrize(
        ("words", "sentence"),
        [
            (("showmigrations",), "There is no default database: add --database"),
            (("predict_next_30_days", "NOPE"), "No prices of NOPE are stored."),
            (("fetch_stock_data", "FB", "--provider", "moon"), "There is no provider moon"),
            (("runserver", "0.0.0.0:8000"), "runserver is for this machine only"),
            (("changepassword", "admin"), "No password was given: run it in a terminal"),
        ],
    )
    def test_what_cannot_be_done_is_one_sentence(
        self, installation: Installation, words: tuple[str, ...], sentence: str
    ) -> None:
        done = installation.manage(*words, code=1, input="")

        assert sentence in done.stderr
        assert "Traceback" not in done.stderr

    def test_a_superuser_gets_no_poor_password_and_one_without_is_told_how_to_get_one(
        self, installation: Installation
    ) -> None:
        words = ("createsuperuser", "--noinput", "--username", "boss", "--email", "")

        poor = installation.manage(*words, code=1, DJANGO_SUPERUSER_PASSWORD="123")
        assert "too short" in poor.stderr
        assert "Traceback" not in poor.stderr
        assert "manage.py changepassword boss" in installation.manage(*words).stdout
        forget = "from shared.identity.models import User; User.objects.filter(username='boss').delete()"
        installation.manage("shell", "-c", forget)

    def test_runserver_names_the_taken_port_and_what_helps(self, installation: Installation) -> None:
        with socket.create_server(("127.0.0.1", installation.port)):
            done = installation.manage("runserver", str(installation.port), code=1)

        assert f"Port {installation.port} on 127.0.0.1 cannot be used" in done.stderr
        assert f"manage.py runserver {installation.port + 1}`" in done.stderr

    def test_migrate_and_the_shell_know_the_four_databases(self, installation: Installation) -> None:
        count = "from shared.identity.models import User; print('users', User.objects.count())"

        assert "up to date" in installation.manage("migrate").stdout
        assert "No planned migration" in installation.manage("migrate", "--plan").stdout
        assert "users 1" in installation.manage("shell", "-c", count).stdout

    @pytest.mark.skipif(shutil.which("psql") is None, reason="this machine has no psql")
    def test_the_database_shell_is_one_service_with_its_rights(self, installation: Installation) -> None:
        asked = "SELECT current_user, count(*) FROM market.instrument;"

        assert "bellwether_analytics |     1" in installation.manage("dbshell", input=asked).stdout
        identity = installation.manage("dbshell", "--database", "identity", input=asked)
        assert "permission denied" in identity.stderr

    def test_runserver_answers_and_says_that_no_worker_runs(self, installation: Installation) -> None:
        port = free_ports(1)[0]
        log = installation.home / "runserver.log"
        with log.open("w") as output:
            process = subprocess.Popen(
                [sys.executable, "manage.py", "runserver", str(port), "--noreload"],
                cwd=CHECKOUT,
                env=installation.environment,
                stdout=output,
                stderr=output,
            )
        deadline = time.monotonic() + 60
        while not answers_ready(f"http://127.0.0.1:{port}") and time.monotonic() < deadline:
            assert process.poll() is None, log.read_text()
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)

        assert process.wait(timeout=30) in {0, 130}
        assert "manage.py run_roles" in log.read_text()


def test_a_python_without_the_packages_is_told_what_to_do() -> None:
    done = subprocess.run(
        [sys.executable, "-S", "-E", CHECKOUT / "manage.py", "check"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "`make setup`" in done.stderr


def test_a_settings_file_is_read_and_its_faults_are_named(installation: Installation) -> None:
    file = installation.home / "settings"

    file.write_text("JOB_THREADS=eighty\n")
    wrong_value = installation.manage("check", code=1, BELLWETHER_DOTENV=str(file))
    file.write_text("\nBELLWETHER_PORT\n")
    wrong_line = installation.problem("status", BELLWETHER_DOTENV=str(file))

    assert "JOB_THREADS: 'eighty' cannot be used" in wrong_value.stderr
    assert wrong_line["type"] == "/problems/wrong-setting"
    assert f"{file}, line 2: write NAME=value" in wrong_line["detail"]
