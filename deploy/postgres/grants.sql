-- What each role may do. Runs as the owner, after the migrations, any number of times.
REVOKE ALL ON SCHEMA public FROM PUBLIC;

-- A service's own schema: everything but the record, which only grows, and the migrations. What was sent and
-- received is part of the record too: of an outbox row only the mark of sending changes, of an inbox row only
-- its state; a parked message loses its inbox row.
GRANT USAGE ON SCHEMA ingest TO bellwether_ingest;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ingest TO bellwether_ingest;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA ingest TO bellwether_ingest;
REVOKE UPDATE, DELETE ON ingest.event, ingest.outbox, ingest.bar, ingest.action FROM bellwether_ingest;
REVOKE UPDATE, DELETE ON ingest.quarantined_bar, ingest.quarantined_action FROM bellwether_ingest;
REVOKE UPDATE ON ingest.inbox FROM bellwether_ingest;
REVOKE INSERT, UPDATE, DELETE ON ingest.django_migrations FROM bellwether_ingest;
GRANT UPDATE (sent_at) ON ingest.outbox TO bellwether_ingest;
GRANT UPDATE (state) ON ingest.inbox TO bellwether_ingest;
REVOKE INSERT, UPDATE, DELETE ON ingest.session, ingest.calendar, ingest.index_membership, ingest.ticker_rename
    FROM bellwether_ingest;
GRANT UPDATE (superseded_version) ON ingest.bar, ingest.action TO bellwether_ingest;
-- A call to a provider stays on record; how it was answered is told once it is known.
REVOKE UPDATE, DELETE ON ingest.provider_call FROM bellwether_ingest;
GRANT UPDATE (answered_at, verdict, detail, http_status, byte_count, body_sha256) ON ingest.provider_call TO bellwether_ingest;
-- The buckets that count calls to providers: a library makes its own tables there, one for each provider and key.
GRANT USAGE, CREATE ON SCHEMA ingest_quota TO bellwether_ingest;

GRANT USAGE ON SCHEMA analytics TO bellwether_analytics;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA analytics TO bellwether_analytics;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA analytics TO bellwether_analytics;
REVOKE UPDATE, DELETE ON analytics.event, analytics.outbox, analytics.run_trade, analytics.run_equity, analytics.sweep_chunk, analytics.walk_forward_equity FROM bellwether_analytics;
REVOKE UPDATE ON analytics.inbox FROM bellwether_analytics;
REVOKE INSERT, UPDATE, DELETE ON analytics.django_migrations FROM bellwether_analytics;
GRANT UPDATE (sent_at) ON analytics.outbox TO bellwether_analytics;
GRANT UPDATE (state) ON analytics.inbox TO bellwether_analytics;

GRANT USAGE ON SCHEMA reports TO bellwether_reports;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA reports TO bellwether_reports;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA reports TO bellwether_reports;
REVOKE UPDATE, DELETE ON reports.event, reports.outbox, reports.report_file FROM bellwether_reports;
REVOKE UPDATE ON reports.inbox FROM bellwether_reports;
REVOKE INSERT, UPDATE, DELETE ON reports.django_migrations FROM bellwether_reports;
GRANT UPDATE (sent_at) ON reports.outbox TO bellwether_reports;
GRANT UPDATE (state) ON reports.inbox TO bellwether_reports;

GRANT USAGE ON SCHEMA identity TO bellwether_identity;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA identity TO bellwether_identity;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA identity TO bellwether_identity;
REVOKE INSERT, UPDATE, DELETE ON identity.django_migrations FROM bellwether_identity;

-- What services publish to each other: views and one function, and nothing else.
GRANT USAGE ON SCHEMA market, feed, bus TO bellwether_ingest, bellwether_analytics, bellwether_reports;
GRANT USAGE ON SCHEMA results TO bellwether_analytics, bellwether_reports;
GRANT SELECT ON ALL TABLES IN SCHEMA market, feed TO bellwether_ingest, bellwether_analytics, bellwether_reports;
GRANT SELECT ON ALL TABLES IN SCHEMA results TO bellwether_analytics, bellwether_reports;

-- The bus flows one way: who has subscribers inserts, and each consumer sees and settles its own deliveries only.
-- (Claiming rows FOR UPDATE takes the right to update some column.)
GRANT INSERT ON bus.delivery TO bellwether_ingest, bellwether_analytics;
GRANT SELECT, DELETE, UPDATE (created_at) ON bus.delivery TO bellwether_analytics, bellwether_reports;
ALTER TABLE bus.delivery ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS delivery_insert ON bus.delivery;
CREATE POLICY delivery_insert ON bus.delivery FOR INSERT WITH CHECK (true);
DROP POLICY IF EXISTS delivery_own ON bus.delivery;
CREATE POLICY delivery_own ON bus.delivery USING (pg_has_role(current_user, 'bellwether_' || consumer, 'USAGE'));

GRANT USAGE ON SCHEMA identity TO bellwether_ingest, bellwether_analytics, bellwether_reports;
GRANT EXECUTE ON FUNCTION identity.check_token(bytea)
    TO bellwether_ingest, bellwether_analytics, bellwether_reports, bellwether_identity;
