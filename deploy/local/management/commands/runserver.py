"""`manage.py runserver`: Django's server for work on the code, on this machine only."""

import os
from ipaddress import ip_address
from typing import Any

from django.contrib.staticfiles.management.commands import runserver
from django.core.management.base import CommandError

from deploy.local.checkout import command_line, manage_line
from deploy.local.errors import PortTaken
from deploy.local.processes import running_record
from deploy.local.readiness import require_free_port
from deploy.local.state import open_state


class Command(runserver.Command):
    """Serves all three services with reloading; says when nobody works on what requests queue."""

    help = "Serve on this machine while you change the code; `.venv/bin/bellwether up` is the server for use."

    addr: str
    port: str

    def run(self, **options: Any) -> None:
        """Refuse other addresses than loopback, and name what is missing beside a web server."""
        if not _is_loopback(self.addr):
            raise CommandError(
                f"runserver is for this machine only, not for {self.addr}:"
                f" use `{command_line('up')}` with BELLWETHER_BIND."
            )
        if "RUN_MAIN" not in os.environ:  # set in the process that the reloader starts
            self._prepare()
        super().run(**options)

    def _prepare(self) -> None:
        try:
            require_free_port(self.addr, int(self.port))
        except PortTaken as error:
            raise CommandError(
                f"Port {self.port} on {self.addr} cannot be used: name another, as in"
                f" `{manage_line(f'runserver {int(self.port) + 1}')}`, or stop `up` with `{command_line('down')}`."
            ) from error
        if running_record(open_state(os.environ)) is None:
            self.stderr.write(
                "No worker runs, so fetches, backtests and reports stay queued: start one in another terminal with"
                f" `{manage_line('run_roles')}`."
            )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
