-- What is due, overdue or about to end, in the order of days.
--
-- Parameters: first, last: days; participant, KPCS or empty; today; now: Unix milliseconds.
WITH coming AS (  -- what ends or begins by itself, unless it has already
    SELECT lapses_at AS at, participant, 'LAPSE' AS kind, participant AS subject,
           status || ' by ' || decision || ' lapses unless ratified' AS what
    FROM standings WHERE known_until IS NULL
    UNION ALL
    SELECT lapses_at, participant, 'LAPSE', participant || '/restriction/' || restriction,
           'restriction by ' || decision || ' lapses unless ratified'
    FROM restrictions WHERE known_until IS NULL
    UNION ALL
    SELECT effective_from, participant, 'BEGIN', participant,
           iif(position, 'is ' || status, 'takes part') || ' from this day on, by ' || decision
    FROM standings WHERE known_until IS NULL
    UNION ALL
    SELECT effective_from, participant, 'BEGIN', participant || '/restriction/' || restriction,
           'restriction by ' || decision || ' begins'
    FROM restrictions WHERE known_until IS NULL
    UNION ALL
    SELECT effective_from, iif(participant = '', 'KPCS', participant), 'BEGIN',
           iif(participant = '', 'KPCS', participant) || '/policy',
           'policy' || coalesce(' by ' || decision, '') || ' begins'
    FROM policies WHERE known_until IS NULL
    UNION ALL
    SELECT effective_until, participant, 'END', participant || '/restriction/' || restriction,
           'restriction by ' || decision || ' ends'
    FROM restrictions WHERE known_until IS NULL
    UNION ALL
    SELECT valid_from, participant, 'KEY', lower(hex(key)),
           'a key of ' || participant || '/' || authority || ' becomes valid'
    FROM keys
    WHERE known_until IS NULL AND revoked_at IS NULL AND NOT EXISTS (
        SELECT 1 FROM offices
        WHERE offices.participant = keys.participant AND offices.authority = keys.authority
          AND offices.known_until IS NULL AND offices.closed_at IS NOT NULL)
),
entries AS (
    SELECT due_on AS day, participant,
           iif(series = 'REPORT', 'ANNUAL_REPORT', 'STATISTICS') AS kind,
           participant || '/' || lower(series) || '/' || period AS subject,
           iif(series = 'REPORT', 'annual report', lower(series) || ' statistics')
               || ' of ' || period AS what
    FROM filings_due
    WHERE due_on BETWEEN :first AND :last
      AND NOT EXISTS (
        SELECT 1 FROM editions
        WHERE editions.series = filings_due.series AND editions.period = filings_due.period
          AND editions.participant = filings_due.participant)
      AND NOT EXISTS (
        SELECT 1 FROM reports
        WHERE filings_due.series = 'REPORT' AND reports.participant = filings_due.participant
          AND reports.year = CAST(filings_due.period AS INTEGER))
    UNION ALL
    SELECT due_on, participant, 'PROCEEDING', subject,
           CASE kind
               WHEN 'review' THEN 'report of the review'
               WHEN 'meeting' THEN 'record of the meeting'
               WHEN 'concern' THEN 'answer to a concern'
               WHEN 'anomaly' THEN 'answer to a question about statistics'
               ELSE 'verdict on a suspect certificate'
           END || ': ' || title
    FROM proceedings
    WHERE known_until IS NULL AND state IN ('ANNOUNCED', 'RAISED', 'CARRIED_OUT')
    UNION ALL
    SELECT recommendations.due_on, participant, 'RECOMMENDATION', subject,
           'recommendation ' || name || ' of the review'
    FROM recommendations JOIN proceedings USING (subject)
    WHERE recommendations.known_until IS NULL AND proceedings.known_until IS NULL
      AND recommendations.status <> 'DONE'
    UNION ALL
    SELECT year || '-12-31', 'KPCS', 'CHAIR', 'KPCS/chair',
           chair || ' hands over to ' || coalesce(vice_chair, 'whoever is elected')
    FROM presidencies WHERE known_until IS NULL AND year IS NOT NULL
    UNION ALL
    SELECT date(at / 1000, 'unixepoch'), participant, kind, subject, what
    FROM coming WHERE at > :now
)
SELECT *, day < :today AS overdue
FROM entries
WHERE day BETWEEN :first AND :last AND :participant IN ('', participant)
ORDER BY day, participant, kind, subject, what
