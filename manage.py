#!/usr/bin/env python3
"""Django's commands, and ours, on the embedded system: PostgreSQL is started for as long as a command needs it."""

import sys

OURS = ("deploy", "services", "shared")
WITHOUT_PACKAGES = (
    "manage.py: this Python lacks Bellwether's packages. Run `make setup` once,"
    " then `.venv/bin/python manage.py ...`."
)


def main() -> None:
    """Run the command; a Python without the packages is told where they are."""
    if sys.version_info < (3, 12):  # noqa: UP036  people start it with whatever python they have
        sys.exit(WITHOUT_PACKAGES)
    try:
        from deploy.local.manage import main as run
    except ModuleNotFoundError as missing:
        if (missing.name or "").split(".")[0] in OURS:
            raise
        sys.exit(WITHOUT_PACKAGES)
    run(sys.argv)


if __name__ == "__main__":
    main()
