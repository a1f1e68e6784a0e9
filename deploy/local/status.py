"""What the system does right now, at a glance."""

import os
from typing import Any

import django.db
import psycopg

from deploy.local.errors import DatabaseUnusable, LauncherError
from deploy.local.processes import left_behind, running_record
from deploy.local.state import StateFolder, open_state
from deploy.local.system import open_system
from shared.settings.env import read


def status_now() -> dict[str, Any]:
    """Return what runs, what waits in each service and on the bus, and which instruments are stored.

    While nothing runs, what waits is read all the same, as other commands read it: not before the first start, and
    with the `problem` in its place when the database cannot be used.
    """
    state = open_state(os.environ)
    record = running_record(state)
    if record is not None:
        running = {"running": True, "url": record.url, "processes": sorted(record.children)}
        return running | _read_here()
    stopped = {"running": False, "left_behind": left_behind(state)}
    if not _has_database(state):
        return stopped
    try:
        return stopped | _read_here()
    except LauncherError as error:
        return stopped | {"problem": error.as_problem()}
    except (psycopg.Error, django.db.Error) as error:
        return stopped | {"problem": DatabaseUnusable(str(error).strip().splitlines()[0]).as_problem()}


def _has_database(state: StateFolder) -> bool:
    """Return whether there can be anything to read, without setting up what is not there yet."""
    is_given = read(os.environ)["DATABASE_URL"] is not None
    return is_given or any(each.name.isdecimal() for each in state.postgres.iterdir())


def _read_here() -> dict[str, Any]:
    with open_system():
        from services.ingest.market.selectors import instruments

        services, broker_up = _services()
        return {
            "services": services,
            "broker_up": broker_up,
            "instruments": {row.symbol: row.version for row in instruments()},
        }


def _services() -> tuple[dict[str, Any], bool | None]:
    """Return each service's counts, and whether the broker answers: None where there is none.

    `queued` is None for a service that hears of no other, and while the broker does not answer.
    """
    from django.conf import settings

    from shared.messaging.backlog import backlog_of, backlog_of_broker
    from shared.messaging.bus import BusUnavailable
    from shared.messaging.topology import Names

    broker_url = settings.BELLWETHER["BROKER_URL"]
    found = {name: backlog_of(name, broker_url=broker_url) for name in settings.SERVICES}
    queued: dict[str, int | None] = {name: backlog.queued for name, backlog in found.items()}
    broker_up = None
    if broker_url is not None:
        try:
            names = Names(settings.BELLWETHER["BROKER_NAMESPACE"])
            queued |= backlog_of_broker(broker_url, names, settings.SERVICES).queued
            broker_up = True
        except BusUnavailable:
            broker_up = False
    services = {
        name: {
            "unsent": backlog.unsent,
            "unsent_seconds": round(backlog.unsent_seconds, 1),
            "queued": queued[name],
            "waiting": backlog.waiting,
            "parked": backlog.parked,
            "open_jobs": sum(backlog.jobs.values()),
        }
        for name, backlog in found.items()
    }
    return services, broker_up
