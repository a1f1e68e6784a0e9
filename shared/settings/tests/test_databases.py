import pytest
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from shared.eventstore.models import Event
from shared.settings.databases import ALIASES, ServiceRouter, alias_of_app, databases
from shared.settings.env import read

OWNER = "postgresql://owner:word@host:5433/bellwether"


def test_one_owner_url_gives_each_alias_its_schema_and_its_role() -> None:
    found = databases(read({"DATABASE_URL": OWNER}))
    assert found.pop("default") == {}
    assert list(found) == list(ALIASES)
    for alias, config in found.items():
        assert (config["HOST"], config["PORT"], config["NAME"]) == ("host", 5433, "bellwether")
        assert f"-c search_path={alias} " in config["OPTIONS"]["options"] + " "
        assert config["OPTIONS"]["options"].endswith(f"-c role=bellwether_{alias}")


def test_a_login_of_its_own_takes_no_role() -> None:
    values = read({"DATABASE_URL": OWNER, "REPORTS_DATABASE_URL": "postgresql://reports:w@host/bellwether"})
    found = databases(values)
    assert found["reports"]["USER"] == "reports"
    assert "role=" not in found["reports"]["OPTIONS"]["options"]
    assert "role=bellwether_ingest" in found["ingest"]["OPTIONS"]["options"]


def test_the_migrator_is_the_owner_everywhere() -> None:
    values = read({"DATABASE_URL": OWNER, "REPORTS_DATABASE_URL": "postgresql://reports:w@host/bellwether"})
    for alias in ALIASES:
        config = databases(values, as_owner=True)[alias]
        assert config["USER"] == "owner"
        assert "role=" not in config["OPTIONS"]["options"]
        assert f"search_path={alias}" in config["OPTIONS"]["options"]


def test_a_socket_folder_and_limits_reach_the_driver() -> None:
    options = databases(read({"DATABASE_URL": "postgresql://o@/db?host=/tmp/socket"}))["ingest"]["OPTIONS"]
    assert options["host"] == "/tmp/socket"
    assert "lock_timeout=10s" in options["options"]
    assert "idle_in_transaction_session_timeout=10s" in options["options"]
    assert "client_connection_check_interval=1s" in options["options"]
    assert options["connect_timeout"] == 5


def test_a_process_knows_only_the_services_it_was_given() -> None:
    found = databases(read({"REPORTS_DATABASE_URL": "postgresql://reports:w@host/bellwether"}))
    assert list(found) == ["default", "reports"]


def test_a_query_that_names_no_service_fails() -> None:
    with pytest.raises(ImproperlyConfigured, match="ENGINE"):
        connections["default"].cursor()
    with pytest.raises(ImproperlyConfigured, match="ENGINE"):
        Event.objects.first()


@pytest.mark.parametrize(
    ("app", "alias"),
    [
        ("ingest_market", "ingest"),
        ("analytics_backtests", "analytics"),
        ("reports_documents", "reports"),
        ("identity", "identity"),
        ("auth", "identity"),
        ("contenttypes", "identity"),
        ("eventstore", None),
        ("http", None),
    ],
)
def test_an_app_lives_in_its_services_schema(app: str, alias: str | None) -> None:
    assert alias_of_app(app) == alias
    places = {name for name in ALIASES if ServiceRouter().allow_migrate(name, app)}
    assert places == ({alias} if alias else {"ingest", "analytics", "reports"})


def test_every_model_has_an_alias_but_what_stands_in_every_service() -> None:
    router = ServiceRouter()
    for model in apps.get_models():
        assert (router.db_for_write(model) is None) == (model._meta.app_label in {"eventstore", "http"}), (
            model
        )


def test_rows_of_two_schemas_are_never_related() -> None:
    router, event = ServiceRouter(), Event()
    user, run = apps.get_model("identity", "User"), apps.get_model("analytics_backtests", "Run")
    assert router.allow_relation(user(), user())
    assert not router.allow_relation(user(), run())
    assert not router.allow_relation(event, run())
