-- What a participant reported to have mined in some half-years: the newest edition known at an
-- instant.
--
-- Parameters: participant; half_years: JSON; known_at: Unix milliseconds.
SELECT value AS half_year, production_carat_thousandths AS carat_thousandths,
       production_value_usd_cents AS value_usd_cents
FROM json_each(:half_years)
JOIN editions
    ON series = 'PRODUCTION' AND period = value AND participant = :participant
    AND edition = (
        SELECT max(edition) FROM editions AS known
        WHERE known.series = 'PRODUCTION' AND known.period = value
          AND known.participant = :participant AND known.recorded_at <= :known_at)
ORDER BY key
