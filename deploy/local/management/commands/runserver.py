"""`manage.py runserver`: Django's server for work on the code, on this machine only."""

import os
from ipaddress import ip_address
from typing import Any

from django.contrib.staticfiles.management.commands import runserver
from django.core.management.base import CommandError

from deploy.local.checkout import manage_line
from deploy.local.processes import running_record
from deploy.local.state import open_state


class Command(runserver.Command):
    """Serves all three services with reloading; says when nobody works on what requests queue."""

    help = "Serve on this machine while you change the code; `bellwether up` is the server for use."

    addr: str

    def run(self, **options: Any) -> None:
        """Refuse other addresses than loopback, and name what is missing beside a web server."""
        if not _is_loopback(self.addr):
            raise CommandError(
                f"runserver is for this machine only, not for {self.addr}: use `bellwether up` with BELLWETHER_BIND."
            )
        if running_record(open_state(os.environ)) is None and "RUN_MAIN" not in os.environ:
            self.stderr.write(
                "No worker runs, so fetches, backtests and reports stay queued: start one in another terminal with"
                f" `{manage_line('run_roles')}`."
            )
        super().run(**options)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
