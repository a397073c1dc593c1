-- What a participant reported to have mined in each half-year.
--
-- Parameters: participant; first, last: half-years.
SELECT period, production_carat_thousandths, production_value_usd_cents, lower(hex(event_id))
FROM newest_editions JOIN events USING (event_index)
WHERE newest_editions.participant = :participant AND series = 'PRODUCTION'
  AND period BETWEEN :first AND :last
