"""The reports service under gunicorn."""

import os

from shared.http.wsgi import application as make_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "services.reports.settings")
application = make_application()
