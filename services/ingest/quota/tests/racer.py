"""A process that takes turns at a gate: `python -m ...racer MODE`, with its orders as JSON on standard input.

It says `ready`, begins when it is given another line, and says how many turns it was given.
"""

import json
import os
import sys
from typing import Any

from services.ingest.quota.gate import take_turn


def race(orders: dict[str, Any]) -> int:
    return sum(take(orders) for _ in range(orders["tries"]))


def take(orders: dict[str, Any]) -> bool:
    limits = [tuple(limit) for limit in orders["limits"]]
    return take_turn(orders["name"], limits, connection=orders["connection"]) is None


def fork(orders: dict[str, Any]) -> int:
    """Take a turn, then as many in this process as in a child that is forked now, at the same time."""
    granted = int(take(orders))
    child = os.fork()
    if child == 0:
        sys.exit(race(orders))
    granted += race(orders)
    _, status = os.waitpid(child, 0)
    return granted + os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    given = json.loads(sys.stdin.readline())
    print("ready", flush=True)
    sys.stdin.readline()
    print({"race": race, "fork": fork}[sys.argv[1]](given), flush=True)
