-- What a participant took in and sent out in each month.
--
-- Parameters: participant; first, last: months.
SELECT month,
       CAST(TOTAL(import_carat_thousandths) AS INTEGER),
       CAST(TOTAL(export_carat_thousandths) AS INTEGER),
       CAST(TOTAL(export_carat_thousandths) FILTER (WHERE origin = participant) AS INTEGER)
FROM flows
WHERE participant = :participant AND month BETWEEN :first AND :last
GROUP BY month
