-- The year of each participant as known at an instant: production by the newest editions; trade by
-- them as well, or as the events tell it.
--
-- Parameters: year; known_at: Unix milliseconds; known_on: its day; derived: whether trade is as the
-- events tell it.
WITH newest AS (
    SELECT series, period, participant, max(edition) AS edition
    FROM editions
    WHERE series IN ('TRADE', 'COUNTS', 'PRODUCTION')
      AND period BETWEEN :year || 'H1' AND :year || 'Q4' AND recorded_at <= :known_at
    GROUP BY series, period, participant
),
figures AS (
    SELECT participant, series = 'PRODUCTION' AS half_years,
           production_carat_thousandths, production_value_usd_cents,
           import_carat_thousandths, import_value_usd_cents, received,
           export_carat_thousandths, export_value_usd_cents, issued
    FROM newest JOIN editions USING (series, period, participant, edition)
    WHERE series = 'PRODUCTION' OR NOT :derived
    UNION ALL
    SELECT reporter, 0, 0, 0,
           (flow = 'IMPORT') * carat_thousandths,
           (flow = 'IMPORT') * value_usd_cents,
           (flow = 'IMPORT') * certificates,
           (flow = 'EXPORT') * carat_thousandths,
           (flow = 'EXPORT') * value_usd_cents,
           (flow = 'EXPORT') * certificates
    FROM trade_totals
    WHERE :derived AND quarter BETWEEN :year || 'Q1' AND :year || 'Q4' AND known_on <= :known_on
)
SELECT participant, sum(half_years),
       CAST(TOTAL(production_carat_thousandths) AS INTEGER),
       CAST(TOTAL(production_value_usd_cents) AS INTEGER),
       CAST(TOTAL(import_carat_thousandths) AS INTEGER),
       CAST(TOTAL(import_value_usd_cents) AS INTEGER),
       CAST(TOTAL(received) AS INTEGER),
       CAST(TOTAL(export_carat_thousandths) AS INTEGER),
       CAST(TOTAL(export_value_usd_cents) AS INTEGER),
       CAST(TOTAL(issued) AS INTEGER)
FROM figures
GROUP BY participant
