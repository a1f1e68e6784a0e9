-- The PostgreSQL bus: one delivery for each event and consumer, deleted once it is settled.
CREATE SCHEMA IF NOT EXISTS bus;
CREATE TABLE IF NOT EXISTS bus.delivery (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    consumer text NOT NULL,
    event_id uuid NOT NULL,
    body bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT delivery_once UNIQUE (consumer, event_id)
);
CREATE INDEX IF NOT EXISTS delivery_in_order ON bus.delivery (consumer, id);
