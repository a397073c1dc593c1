-- What a participant sent out as its own alone in each half-year.
--
-- Parameters: participant; first, last: months.
SELECT substr(month, 1, 4) || iif(substr(month, 6) < '07', 'H1', 'H2') AS half_year,
       CAST(TOTAL(export_carat_thousandths) AS INTEGER),
       CAST(TOTAL(export_value_usd_cents) AS INTEGER),
       SUM(exports)
FROM flows
WHERE participant = :participant AND origin = :participant AND month BETWEEN :first AND :last
GROUP BY half_year
