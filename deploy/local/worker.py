"""The embedded system's one worker process: relay, consumers, jobs and tick of all three services."""

import os

import django
from django.conf import settings


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "deploy.local.settings")
    django.setup()
    from shared.messaging.roles import ROLES, run_roles
    from shared.messaging.topology import Names
    from shared.settings.databases import SERVICES

    values = settings.BELLWETHER
    run_roles(
        ROLES,
        services=SERVICES,
        broker_url=values["BROKER_URL"],
        names=Names(values["BROKER_NAMESPACE"]),
        lease_seconds=values["JOB_LEASE_SECONDS"],
        job_threads=values["JOB_THREADS"],
    )


if __name__ == "__main__":
    main()
