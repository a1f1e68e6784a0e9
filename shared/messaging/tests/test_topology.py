from shared.messaging.topology import SUBSCRIPTIONS, Names, subscribers_of
from shared.settings.databases import SERVICES


def test_events_flow_one_way() -> None:
    order = {service: place for place, service in enumerate(SERVICES)}
    for service, sources in SUBSCRIPTIONS.items():
        assert all(order[source] < order[service] for source in sources)
    assert subscribers_of("ingest") == ("analytics",)
    assert subscribers_of("analytics") == ("reports",)
    assert subscribers_of("reports") == ()


def test_every_name_begins_with_the_namespace_and_ends_with_a_version() -> None:
    names = Names("here")
    found = [names.exchange, names.dead_letters, names.queue("reports"), names.jobs("reports")]
    assert found == ["here.events.v1", "here.dead.v1", "here.reports.v1", "here.jobs.reports.v1"]
