-- What a participant mined, took in and sent out in each month, and what it should hold at the end
-- of it. A half-year's production is spread over its months so that their parts add up to it.
--
-- Parameters: participant; months: JSON, in order; opening: the stock before the first of them;
-- largest: the largest amount that is shown.
WITH months AS (
    SELECT value AS month,
           substr(value, 1, 4) || iif(substr(value, 6) < '07', 'H1', 'H2') AS half_year,
           (substr(value, 6) - 1) % 6 AS months_before
    FROM json_each(:months)
),
mined AS (
    SELECT period AS half_year, production_carat_thousandths AS carats
    FROM newest_editions
    WHERE participant = :participant AND series = 'PRODUCTION'
),
moved AS (
    SELECT month,
           CAST(TOTAL(import_carat_thousandths) AS INTEGER) AS imported,
           CAST(TOTAL(export_carat_thousandths) AS INTEGER) AS exported,
           CAST(TOTAL(export_carat_thousandths) FILTER (WHERE origin = participant) AS INTEGER)
               AS exported_own
    FROM flows
    WHERE participant = :participant AND month IN (SELECT value FROM json_each(:months))
    GROUP BY month
),
rows AS (
    SELECT month,
           carats * (months_before + 1) / 6 - carats * months_before / 6 AS mined,
           coalesce(imported, 0) AS imported,
           coalesce(exported, 0) AS exported,
           coalesce(exported_own, 0) AS exported_own
    FROM months LEFT JOIN mined USING (half_year) LEFT JOIN moved USING (month)
)
SELECT *,
       max(-:largest, min(:largest, CAST(
           :opening + TOTAL(coalesce(mined, 0) + imported - exported) OVER (ORDER BY month)
           AS INTEGER))) AS balance
FROM rows
ORDER BY month
