-- The participants that there were at an instant, and their standing then: of the decisions that
-- had taken effect and not lapsed, the newest counts.
--
-- Parameters: time_ms.
WITH newest AS (
    SELECT participant, max(position) AS position
    FROM standings
    WHERE known_until IS NULL AND effective_from <= :time_ms
      AND (lapses_at IS NULL OR lapses_at > :time_ms)
    GROUP BY participant
)
SELECT participant AS code, name, kind, status,
       iif(effective_from, date(effective_from / 1000, 'unixepoch'), '') AS since,
       decision, coalesce(rests_on, '') AS rests_on,
       coalesce(date(lapses_at / 1000, 'unixepoch'), '') AS interim_until,
       status = 'ACTIVE' AS may_trade
FROM newest
JOIN participants USING (participant)
JOIN standings USING (participant, position)
LEFT JOIN signed_decisions USING (decision)
WHERE participants.known_until IS NULL AND standings.known_until IS NULL
ORDER BY participant
