-- The restrictions that held at an instant.
--
-- Parameters: time_ms.
WITH known AS (
    SELECT *, min(coalesce(effective_until, lapses_at), coalesce(lapses_at, effective_until)) AS ends
    FROM restrictions
    WHERE known_until IS NULL
)
SELECT participant, restriction, scope, mode, zones, operations,
       coalesce(approver, '') AS approver,
       date(effective_from / 1000, 'unixepoch') AS since,
       coalesce(date(ends / 1000, 'unixepoch'), '') AS until,
       decision, coalesce(rests_on, '') AS rests_on
FROM known LEFT JOIN signed_decisions USING (decision)
WHERE effective_from <= :time_ms AND (ends IS NULL OR ends > :time_ms)
ORDER BY participant, position
