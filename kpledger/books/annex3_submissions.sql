-- What a participant submitted for some periods, as known at an instant, and whether in time.
--
-- Parameters: participant; periods: JSON, as [["TRADE", "2026Q1"]]; known_at: Unix milliseconds;
-- as_of: a day.
WITH asked AS (
    SELECT key AS place, value ->> 0 AS series, value ->> 1 AS period
    FROM json_each(:periods)
),
due AS MATERIALIZED (
    SELECT series, period FROM filings_due
    WHERE participant = :participant AND period IN (SELECT period FROM asked)
),
known AS (
    SELECT place, asked.series, asked.period, periods.due_on,
           min(edition) AS oldest, max(edition) AS newest
    FROM asked
    JOIN periods ON periods.period = asked.period
    LEFT JOIN editions
        ON editions.series = asked.series AND editions.period = asked.period
        AND participant = :participant AND recorded_at <= :known_at
    GROUP BY place
)
SELECT known.series, known.period,
       coalesce(newest.edition, 0) AS edition,
       coalesce(lower(hex(event_id)), '') AS event,
       coalesce(oldest.recorded_on, '') AS first_on,
       coalesce(newest.recorded_on, '') AS newest_on,
       iif(coalesce(oldest.period, due.period) IS NULL, '', known.due_on) AS due_on,
       coalesce(oldest.period, due.period) IS NOT NULL
           AND coalesce(oldest.recorded_on, :as_of) > known.due_on AS late
FROM known
LEFT JOIN due ON due.series = known.series AND due.period = known.period
LEFT JOIN editions AS oldest
    ON oldest.series = known.series AND oldest.period = known.period
    AND oldest.participant = :participant AND oldest.edition = known.oldest
LEFT JOIN editions AS newest
    ON newest.series = known.series AND newest.period = known.period
    AND newest.participant = :participant AND newest.edition = known.newest
LEFT JOIN events ON events.event_index = newest.event_index
ORDER BY place
