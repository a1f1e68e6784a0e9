"""`manage.py run_roles relay consume work tick`: the processes of a service beside its web server."""

import os
import signal
import sys
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from prometheus_client import start_http_server

from shared.messaging.exposition import registry
from shared.messaging.roles import ROLES, run_roles
from shared.messaging.topology import Names


class Command(BaseCommand):
    """Runs any of the roles for the services of these settings until SIGTERM or SIGINT."""

    help = "Run roles of this process's services: relay, consume, work, tick; all of them by default."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the roles."""
        parser.add_argument("roles", nargs="*", choices=ROLES)
        parser.add_argument(
            "--while-stdin-is-open", action="store_true", help="Stop when whoever started this is gone."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Run them."""
        values = settings.BELLWETHER
        names = Names(values["BROKER_NAMESPACE"])
        if values["METRICS_PORT"] is not None:
            _serve_metrics(values, names)
        watch = threading.Thread(target=_stop_at_end_of_stdin, daemon=True)
        run_roles(
            options["roles"] or ROLES,
            services=settings.SERVICES,
            broker_url=values["BROKER_URL"],
            names=names,
            lease_seconds=values["JOB_LEASE_SECONDS"],
            job_threads=values["JOB_THREADS"],
            ready=watch.start if options["while_stdin_is_open"] else lambda: None,
        )


def _serve_metrics(values: dict[str, Any], names: Names) -> None:
    address, port = values["BELLWETHER_BIND"], values["METRICS_PORT"]
    found = registry(settings.SERVICES, broker_url=values["BROKER_URL"], names=names)
    try:
        start_http_server(port, addr=address, registry=found)
    except OSError as error:
        raise CommandError(f"METRICS_PORT: {address} port {port} cannot be had: {error.strerror}.") from error


def _stop_at_end_of_stdin() -> None:
    """Wait for the pipe to close, which a parent's death does too, however it died."""
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)
