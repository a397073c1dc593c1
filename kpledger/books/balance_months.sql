-- What a participant mined, took in and sent out in each month, and what it should hold at the end
-- of it. A half-year's production is spread over its months so that their parts add up to it.
--
-- Parameters: participant; at: a day of the last month; months: how many; opening: the stock before
-- the first of them; largest: the largest amount that is shown.
WITH RECURSIVE before (count) AS (
    VALUES (0) UNION ALL SELECT count + 1 FROM before WHERE count + 1 < :months
),
months AS (
    SELECT substr(day, 1, 7) AS month,
           substr(day, 1, 4) || iif(substr(day, 6, 2) < '07', 'H1', 'H2') AS half_year,
           (substr(day, 6, 2) - 1) % 6 AS months_before
    FROM (SELECT date(:at, 'start of month', -count || ' months') AS day FROM before)
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
    WHERE participant = :participant AND month IN (SELECT month FROM months)
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
