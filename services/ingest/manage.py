"""Django's commands for the ingest service."""

import os
import sys

from django.core.management import execute_from_command_line

from shared.settings.env import WrongSetting

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "services.ingest.settings")
    try:
        execute_from_command_line(sys.argv)
    except WrongSetting as wrong:
        sys.exit(wrong.detail)
