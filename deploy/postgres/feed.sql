-- What each service lets the others compare their inboxes with: the events it published, as it published them.
CREATE OR REPLACE VIEW feed.ingest AS
    SELECT e.position, e.event_id, e.stream, e.version, e.type, o.body, e.recorded_at
    FROM ingest.event e JOIN ingest.outbox o USING (position);
CREATE OR REPLACE VIEW feed.analytics AS
    SELECT e.position, e.event_id, e.stream, e.version, e.type, o.body, e.recorded_at
    FROM analytics.event e JOIN analytics.outbox o USING (position);
CREATE OR REPLACE VIEW feed.reports AS
    SELECT e.position, e.event_id, e.stream, e.version, e.type, o.body, e.recorded_at
    FROM reports.event e JOIN reports.outbox o USING (position);
