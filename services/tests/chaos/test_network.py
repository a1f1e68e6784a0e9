"""A bad network between a process and the broker or the database: matrix row 22."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from services.tests.chaos.proxy import Proxy, Toxic
from services.tests.chaos.stage import Stage
from services.tests.processes import wait_until

TOXICS = {
    "latency": Toxic(latency_seconds=0.05, jitter_seconds=0.03),
    "bandwidth": Toxic(bytes_a_second=30_000, slice_bytes=512),
    "slicer": Toxic(slice_bytes=1),
    "cut": Toxic(cut_after_bytes=6_000),
    "swallow": Toxic(swallow=True),
}


@pytest.fixture
def to_broker(broker_url: str) -> Iterator[Proxy]:
    address = urlsplit(broker_url)
    proxy = Proxy((address.hostname or "", address.port or 5672))
    yield proxy
    proxy.close()


@pytest.fixture
def to_database(migrated_database: str) -> Iterator[Proxy]:
    (folder,) = parse_qs(urlsplit(migrated_database).query)["host"]
    proxy = Proxy(Path(folder) / ".s.PGSQL.5432")
    yield proxy
    proxy.close()


def through(proxy: Proxy, url: str | None) -> str:
    """Return the URL of the same server by way of the proxy."""
    found = urlsplit(url or "")
    if found.scheme == "amqp":
        return found._replace(netloc=f"guest:guest@127.0.0.1:{proxy.port}").geturl()
    return f"postgresql://bellwether@127.0.0.1:{proxy.port}{found.path}"


@pytest.mark.chaos
@pytest.mark.parametrize("toxic", [*TOXICS, "reset"])
@pytest.mark.parametrize("bus_url", ["rabbitmq"], indirect=True)
@pytest.mark.parametrize("who", ["relay", "consume"])
def test_a_bad_network_between_a_process_and_the_broker_costs_nothing(
    stage: Stage, to_broker: Proxy, who: str, toxic: str
) -> None:
    stage.start(who, BROKER_URL=through(to_broker, stage.broker_url))
    stage.start(*({"relay", "consume", "work"} - {who}), "tick")

    endure(stage, to_broker, toxic)


@pytest.mark.chaos
@pytest.mark.parametrize("toxic", [*TOXICS, "reset"])
def test_a_bad_network_between_the_processes_and_the_database_costs_nothing(
    stage: Stage, to_database: Proxy, toxic: str
) -> None:
    stage.start(DATABASE_URL=through(to_database, stage.database_url))

    endure(stage, to_database, toxic)


def endure(stage: Stage, proxy: Proxy, toxic: str) -> None:
    """Have events flow before, while and after the network is bad, and balance the books."""
    stage.write_many(10)
    wait_until(lambda: received(stage) >= 10, saying="a start on a good network")
    before = proxy.carried_bytes
    if toxic in TOXICS:
        proxy.poison(TOXICS[toxic])
    for _ in range(5):
        stage.write_many(6, job_every=5)
        if toxic == "reset":
            carried = proxy.carried_bytes
            wait_until(lambda at=carried: proxy.carried_bytes > at, saying="some traffic")  # type: ignore[misc]
            proxy.reset()
    wait_until(lambda: proxy.carried_bytes > before, saying="traffic on the bad network")
    proxy.heal()
    stage.settle(seconds=60)

    assert stage.check().ok == 40


def received(stage: Stage) -> int:
    row = stage.owner.execute("SELECT count(*) FROM reports.inbox").fetchone()
    assert row is not None
    return int(row[0])
