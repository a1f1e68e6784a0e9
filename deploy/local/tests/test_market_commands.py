"""Keys, quota, watch lists and held changes from the command line, against a vendor of our own."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from deploy.local.tests.installation import Installation, installed
from services.ingest.fetches.domain import last_final_session
from services.ingest.providers.tests.simulator import KEY, Simulator, moved

LAST = last_final_session(datetime.now(UTC))


@pytest.fixture(scope="module")
def vendor() -> Iterator[Simulator]:
    """Give a vendor that gives a free key the last 100 sessions."""
    with Simulator(moved("AAPL", until=LAST, count=300, name="IBM"), is_free=True) as running:
        yield running


@pytest.fixture(scope="module")
def installation(vendor: Simulator) -> Iterator[Installation]:
    """Give an installation whose providers are that vendor."""
    with installed() as found:
        found.environment |= {
            "ALPHAVANTAGE_BASE_URL": vendor.alphavantage_url,
            "TIINGO_BASE_URL": vendor.tiingo_url,
        }
        yield found


def offered(installation: Installation, provider: str, text: str, *, code: int = 0) -> str:
    """Pipe a key into `bellwether key`; return what it writes."""
    command = [*installation.program, "key", provider, "--json"]
    done = installation.started(command, code, {}, text)
    return done.stdout if code == 0 else done.stderr


def test_a_key_that_is_refused_is_not_kept(installation: Installation, vendor: Simulator) -> None:
    refused = json.loads(offered(installation, "alphavantage", "WRONGKEY123\n", code=1).splitlines()[-1])

    assert refused["type"] == "/problems/provider-key-refused"
    assert "WRONGKEY123" not in json.dumps(refused)
    assert installation.problem("fetch", "IBM", "--provider", "alphavantage")["type"] == (
        "/problems/provider-key-missing"
    )


def test_a_key_is_tried_once_told_apart_and_kept_for_all_commands(
    installation: Installation, vendor: Simulator
) -> None:
    vendor.asked.clear()

    done = json.loads(offered(installation, "alphavantage", f"{KEY}\n"))

    assert len(vendor.asked) == 1
    assert done["capabilities"] == {"full_history": False}
    kept = installation.home / "state" / "secrets" / "alphavantage_api_key"
    assert (kept.read_text().strip(), kept.stat().st_mode & 0o777) == (KEY, 0o600)

    fetch = installation.json("fetch", "IBM")
    assert (fetch["status"], fetch["bar_count"], fetch["last_session"]) == ("partial", 100, LAST.isoformat())
    assert fetch["sources"][0]["provider"] == "alphavantage"


def test_people_read_what_is_left_and_what_comes_next(installation: Installation) -> None:
    installation.run("watch", "set", "core", "IBM", "AAPL")

    shown = installation.run("quota", COLUMNS="120").stdout
    left = installation.json("quota")["providers"][0]["limits"][1]

    assert "alphavantage" in shown
    assert "It was never fetched." in shown
    assert left["left"] == 25 - left["used"] < 25
    (core,) = installation.json("watch", "list")["watch_lists"]
    assert [row["symbol"] for row in core["symbols"]] == ["IBM", "AAPL"]
    assert installation.json("watch", "delete", "core") == {"watch_lists": []}


def test_a_held_change_is_listed_and_decided(installation: Installation) -> None:
    file = installation.home / "held.csv"
    header, first, second = (
        "date,open,high,low,close,volume",
        "2020-01-02,{0},{0},{0},{0},5",
        "2020-01-03,9,9,9,9,5",
    )
    file.write_text("\n".join([header, first.format(9), second]))
    installation.json("import", str(file), "--symbol", "HELD")
    file.write_text("\n".join([header, first.format(99), second]))
    assert installation.json("import", str(file), "--symbol", "HELD")["quarantined"] == 1

    (held,) = installation.json("quarantine", "list")["quarantine"]
    assert installation.json("quarantine", "accept", held["id"][:8])["version"] == 2
    assert installation.json("quarantine", "list") == {"quarantine": []}
    assert installation.problem("quarantine", "dismiss", held["id"])["type"] == "/problems/already-decided"


def test_a_key_is_forgotten(installation: Installation) -> None:
    assert installation.json("key", "alphavantage", "--forget")["existed"] is True
    assert installation.json("key", "alphavantage", "--forget")["existed"] is False


@pytest.mark.parametrize("text", ["", " \n", "two words\n", "k" * 200, "käse\n"])
def test_what_can_be_no_key_is_not_even_tried(
    text: str, installation: Installation, vendor: Simulator
) -> None:
    vendor.asked.clear()

    offered(installation, "tiingo", text, code=1)

    assert vendor.asked == []
