-- What each role may do. Runs as the owner, after the migrations, any number of times.
REVOKE ALL ON SCHEMA public FROM PUBLIC;

-- A service's own schema: everything but the record, which only grows.
GRANT USAGE ON SCHEMA ingest TO bellwether_ingest;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ingest TO bellwether_ingest;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA ingest TO bellwether_ingest;
REVOKE UPDATE, DELETE ON ingest.event, ingest.bar, ingest.action FROM bellwether_ingest;
REVOKE INSERT, UPDATE, DELETE ON ingest.session, ingest.calendar FROM bellwether_ingest;
GRANT UPDATE (superseded_version) ON ingest.bar, ingest.action TO bellwether_ingest;

GRANT USAGE ON SCHEMA analytics TO bellwether_analytics;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA analytics TO bellwether_analytics;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA analytics TO bellwether_analytics;
REVOKE UPDATE, DELETE ON analytics.event, analytics.run_trade, analytics.run_equity FROM bellwether_analytics;

GRANT USAGE ON SCHEMA reports TO bellwether_reports;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA reports TO bellwether_reports;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA reports TO bellwether_reports;
REVOKE UPDATE, DELETE ON reports.event, reports.report_file FROM bellwether_reports;

GRANT USAGE ON SCHEMA identity TO bellwether_identity;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA identity TO bellwether_identity;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA identity TO bellwether_identity;

-- What services publish to each other: views and one function, and nothing else.
GRANT USAGE ON SCHEMA market, feed, bus TO bellwether_ingest, bellwether_analytics, bellwether_reports;
GRANT USAGE ON SCHEMA results TO bellwether_analytics, bellwether_reports;
GRANT SELECT ON ALL TABLES IN SCHEMA market, feed TO bellwether_ingest, bellwether_analytics, bellwether_reports;
GRANT SELECT ON ALL TABLES IN SCHEMA results TO bellwether_analytics, bellwether_reports;
GRANT SELECT, INSERT, UPDATE, DELETE ON bus.delivery TO bellwether_ingest, bellwether_analytics, bellwether_reports;
GRANT USAGE ON SCHEMA identity TO bellwether_ingest, bellwether_analytics, bellwether_reports;
GRANT EXECUTE ON FUNCTION identity.check_token(bytea)
    TO bellwether_ingest, bellwether_analytics, bellwether_reports, bellwether_identity;
