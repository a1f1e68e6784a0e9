-- The one way for a service to learn who a token belongs to. Times are the database's.
CREATE OR REPLACE FUNCTION identity.check_token(token_digest bytea)
RETURNS TABLE (public_id uuid, username text, is_superuser boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = identity, pg_temp AS $$
    SELECT u.public_id, u.username::text, u.is_superuser
    FROM token t JOIN "user" u ON u.id = t.user_id
    WHERE t.digest = token_digest AND u.is_active
      AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > now())
$$;
REVOKE ALL ON FUNCTION identity.check_token(bytea) FROM PUBLIC;
