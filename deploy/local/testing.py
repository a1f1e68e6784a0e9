"""Run the tests against a real PostgreSQL and a real RabbitMQ that live only as long as the run.

`python -m deploy.local.testing [pytest arguments]` is what `make test` calls. Tests find the servers in
BELLWETHER_TEST_DATABASE_URL (owner's URL of the maintenance database) and BELLWETHER_TEST_BROKER_URL; where
the latter is missing, those marked `broker` do not run.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local import postgres, rabbitmq
from deploy.local.errors import BrokerUnavailable, LauncherError
from deploy.local.signals import stop_signals_ignored, stop_signals_interrupt
from deploy.local.state import open_state
from shared.settings.table import VARIABLES

CHECKOUT = Path(__file__).resolve().parents[2]
PYTEST = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider")
WORKERS = ("-n", "2", "--dist", "loadfile")
INTERRUPT_GRACE_SECONDS = 15.0
INTERRUPTED = 130
# What a user has set for the running system, or for psql, must not reach the tests.
_SETTINGS = "|".join(name for variable in VARIABLES for name in variable.names)
_NOT_INHERITED = re.compile(rf"(BELLWETHER_|PG[A-Z]).*|({_SETTINGS})(_FILE)?|DJANGO_SETTINGS_MODULE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """What runs, and the environment in which tests find it; `missing_broker` says why there is none."""

    environment: Mapping[str, str]
    names: str
    missing_broker: BrokerUnavailable | None


def main(arguments: Sequence[str]) -> int:
    """Run pytest between starting and stopping both servers; return the exit code of the whole run."""
    started_at = time.monotonic()
    with stop_signals_interrupt():
        try:
            with servers() as running:
                code = _run_pytest([*PYTEST, *WORKERS, *arguments], running.environment)
        except LauncherError as error:
            print(f"make test: FAILED. {error.detail}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("make test: interrupted; what it started is stopped.", file=sys.stderr)
            return INTERRUPTED
    if running.missing_broker is not None:
        code = _report_missing_broker(running, code)
    outcome = "passed" if code == 0 else f"FAILED with exit code {code}"
    print(f"make test: {outcome}, against {running.names}, in {time.monotonic() - started_at:.0f} s.")
    return code


@contextmanager
def servers(*, with_broker: bool = True) -> Iterator[Servers]:
    """Start both servers at once, as RabbitMQ takes seconds to boot, and stop them at the end.

    Raises LauncherError when there can be no PostgreSQL; without a broker it goes on.
    """
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="bellwether-test-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        folder.chmod(0o711)  # as root, PostgreSQL's account must pass through
        broker = (
            _booting_broker(stack, folder / "rabbitmq") if with_broker else BrokerUnavailable("not asked for")
        )
        server = stack.enter_context(_private_postgres(folder / "servers"))
        broker = _ready(broker)
        environment = {
            name: value for name, value in os.environ.items() if not _NOT_INHERITED.fullmatch(name)
        }
        environment["BELLWETHER_HOME"] = str(folder / "home")
        environment["BELLWETHER_DOTENV"] = os.devnull
        environment["BELLWETHER_TEST_DATABASE_URL"] = server.url
        names = f"PostgreSQL {server.version}"
        if isinstance(broker, BrokerUnavailable):
            yield Servers(environment=environment, names=f"{names} and NO RabbitMQ", missing_broker=broker)
        else:
            environment["BELLWETHER_TEST_BROKER_URL"] = broker.url
            names += f" and RabbitMQ {broker.version or 'at BROKER_URL'}"
            yield Servers(environment=environment, names=names, missing_broker=None)


def _private_postgres(home: Path) -> postgres.Server:
    state = open_state({"BELLWETHER_HOME": str(home)})
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    return postgres.start(state=state, environment=environment, database="postgres", durable=False)


def _booting_broker(stack: ExitStack, folder: Path) -> rabbitmq.Broker | BrokerUnavailable:
    try:
        broker = rabbitmq.start(state=open_state(os.environ), environment=os.environ, folder=folder)
    except BrokerUnavailable as error:
        return error
    return stack.enter_context(broker)


def _ready(broker: rabbitmq.Broker | BrokerUnavailable) -> rabbitmq.Broker | BrokerUnavailable:
    if isinstance(broker, rabbitmq.Broker):
        try:
            broker.wait_until_ready()
        except BrokerUnavailable as error:
            return error
    return broker


def _run_pytest(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run pytest in a process group of its own, so that it is interrupted once, by us, whoever is asked to stop."""
    process = subprocess.Popen(command, cwd=CHECKOUT, env=environment, process_group=0)
    try:
        return process.wait()
    except KeyboardInterrupt:
        with stop_signals_ignored():
            process.send_signal(signal.SIGINT)
            try:
                process.wait(timeout=INTERRUPT_GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        raise


def _report_missing_broker(running: Servers, code: int) -> int:
    """Say how many tests did not run and why; that is a failure where CI=true."""
    environment = {**running.environment, "BELLWETHER_TEST_BROKER_URL": "amqp://127.0.0.1:1"}
    listing = subprocess.run(
        [*PYTEST, "--collect-only", "-q", "-m", "broker"],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    count = sum("::" in line for line in listing.splitlines())
    print(f"make test: broker tests that DID NOT RUN: {count}. {running.missing_broker}")
    in_ci = os.environ.get("CI", "").lower() in {"true", "1"}
    return code or (1 if in_ci and count else 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
