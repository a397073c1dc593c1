-- The year of each participant as known at an instant: production by the newest editions; trade by
-- them as well, or as the events tell it. The first row has the sums over all.
--
-- Parameters: year; known_at: Unix milliseconds; known_on: its day; derived: whether trade is as the
-- events tell it; largest: the largest amount that is shown.
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
),
years AS (
    SELECT participant, SUM(half_years) AS half_years,
           TOTAL(production_carat_thousandths) AS mined_carats,
           TOTAL(production_value_usd_cents) AS mined_value,
           TOTAL(import_carat_thousandths) AS import_carats,
           TOTAL(import_value_usd_cents) AS import_value,
           SUM(received) AS received,
           TOTAL(export_carat_thousandths) AS export_carats,
           TOTAL(export_value_usd_cents) AS export_value,
           SUM(issued) AS issued
    FROM figures
    GROUP BY participant
),
shown AS (
    SELECT '' AS participant, '' AS name, SUM(half_years) AS half_years,
           CAST(TOTAL(mined_carats) AS INTEGER) AS mined_carats,
           CAST(TOTAL(mined_value) AS INTEGER) AS mined_value,
           TOTAL(import_carats) AS import_carats, TOTAL(import_value) AS import_value,
           SUM(received) AS received,
           TOTAL(export_carats) AS export_carats, TOTAL(export_value) AS export_value,
           SUM(issued) AS issued
    FROM years
    UNION ALL
    SELECT participant, name, half_years,
           CAST(coalesce(mined_carats, 0) AS INTEGER), CAST(coalesce(mined_value, 0) AS INTEGER),
           import_carats, import_value, received, export_carats, export_value, issued
    FROM participants LEFT JOIN years USING (participant)
    WHERE known_until IS NULL
)
SELECT participant, name,
       min(mined_carats, :largest) AS production_carat_thousandths,
       min(mined_value, :largest) AS production_value_usd_cents,
       iif(mined_carats > 0,
           CAST(min((2 * mined_value * 1000 + mined_carats) / (2 * mined_carats), :largest)
                AS INTEGER),
           NULL) AS production_usd_cents_per_carat,
       CAST(min(coalesce(import_carats, 0), :largest) AS INTEGER) AS import_carat_thousandths,
       CAST(min(coalesce(import_value, 0), :largest) AS INTEGER) AS import_value_usd_cents,
       CAST(min(coalesce(export_carats, 0), :largest) AS INTEGER) AS export_carat_thousandths,
       CAST(min(coalesce(export_value, 0), :largest) AS INTEGER) AS export_value_usd_cents,
       coalesce(issued, 0) AS certificates_issued,
       coalesce(received, 0) AS certificates_received,
       coalesce(half_years, 0) AS half_years_submitted
FROM shown
ORDER BY participant
