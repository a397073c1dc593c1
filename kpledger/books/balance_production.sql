-- What a participant reported to have mined in each half-year, beside what it sent out as its own
-- alone.
--
-- Parameters: participant; at: a day of the last half-year; half_years: how many; largest: the
-- largest amount that is shown.
WITH RECURSIVE before (count) AS (
    VALUES (0) UNION ALL SELECT count + 1 FROM before WHERE count + 1 < :half_years
),
halves AS (
    SELECT substr(first_day, 1, 4) || iif(substr(first_day, 6) = '01-01', 'H1', 'H2') AS half_year,
           first_day
    FROM (
        SELECT date(:at, 'start of year', iif(substr(:at, 6) < '07', 0, 6) || ' months',
                    (-6 * count) || ' months') AS first_day
        FROM before)
),
mined AS (
    SELECT period AS half_year, production_carat_thousandths AS carats,
           production_value_usd_cents AS value, lower(hex(event_id)) AS event
    FROM newest_editions JOIN events USING (event_index)
    WHERE newest_editions.participant = :participant AND series = 'PRODUCTION'
),
own AS (
    SELECT substr(month, 1, 4) || iif(substr(month, 6) < '07', 'H1', 'H2') AS half_year,
           CAST(TOTAL(export_carat_thousandths) AS INTEGER) AS carats,
           CAST(TOTAL(export_value_usd_cents) AS INTEGER) AS value,
           SUM(exports) AS certificates
    FROM flows
    WHERE participant = :participant AND origin = :participant
      AND month >= (SELECT min(substr(first_day, 1, 7)) FROM halves)
    GROUP BY 1
)
SELECT half_year,
       date(first_day, '+8 months', '-1 day') AS due_on,
       mined.carats AS mined_carat_thousandths,
       mined.value AS mined_value_usd_cents,
       coalesce(own.carats, 0) AS exported_carat_thousandths,
       coalesce(own.value, 0) AS exported_value_usd_cents,
       coalesce(certificates, 0) AS certificates,
       iif(mined.carats > 0,
           min(:largest, CAST(coalesce(own.carats, 0) * 100 / mined.carats AS INTEGER)),
           NULL) AS exported_percent,
       coalesce(event, '') AS event
FROM halves LEFT JOIN mined USING (half_year) LEFT JOIN own USING (half_year)
ORDER BY half_year
