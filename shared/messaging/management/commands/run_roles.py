"""`manage.py run_roles relay consume work tick`: the processes of a service beside its web server."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from shared.messaging.roles import ROLES, run_roles
from shared.messaging.topology import Names


class Command(BaseCommand):
    """Runs any of the roles for the services of these settings until SIGTERM or SIGINT."""

    help = "Run roles of this process's services: relay, consume, work, tick; all of them by default."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the roles."""
        parser.add_argument("roles", nargs="*", choices=ROLES)

    def handle(self, *args: Any, **options: Any) -> None:
        """Run them."""
        values = settings.BELLWETHER
        run_roles(
            options["roles"] or ROLES,
            services=settings.SERVICES,
            broker_url=values["BROKER_URL"],
            names=Names(values["BROKER_NAMESPACE"]),
            lease_seconds=values["JOB_LEASE_SECONDS"],
            job_threads=values["JOB_THREADS"],
        )
