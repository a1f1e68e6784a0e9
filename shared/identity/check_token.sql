-- The one way for a service to learn who a token belongs to. Times are the database's. That it was used is
-- noted at most once a minute and by one caller: others do not wait for the note, and so never for each other.
CREATE OR REPLACE FUNCTION identity.check_token(token_digest bytea)
RETURNS TABLE (public_id uuid, username text, is_superuser boolean, is_staff boolean, token_id uuid)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = identity, pg_temp AS $$
#variable_conflict use_column
DECLARE
    held record;
BEGIN
    SELECT t.id, t.last_used_at, t.public_id AS token_id, u.public_id, u.username, u.is_superuser, u.is_staff
    INTO held
    FROM token t JOIN "user" u ON u.id = t.user_id
    WHERE t.digest = token_digest AND u.is_active
      AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > now())
      AND (t.idle_limit IS NULL
           OR coalesce(t.last_used_at, t.created_at) + t.idle_limit > now());
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF held.last_used_at IS NULL OR held.last_used_at < now() - interval '1 minute' THEN
        UPDATE token SET last_used_at = now()
        WHERE id = (SELECT id FROM token WHERE id = held.id FOR UPDATE SKIP LOCKED);
    END IF;
    RETURN QUERY SELECT held.public_id, held.username::text, held.is_superuser, held.is_staff, held.token_id;
END
$$;
REVOKE ALL ON FUNCTION identity.check_token(bytea) FROM PUBLIC;
