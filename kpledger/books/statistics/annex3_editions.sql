-- What a participant submitted for some periods of one series, as known at an instant.
--
-- Parameters: participant; series; first, last: periods; known_at: Unix milliseconds.
SELECT period, edition, lower(hex(event_id)) AS event, editions.recorded_at,
       production_carat_thousandths AS carat_thousandths,
       production_value_usd_cents AS value_usd_cents
FROM editions JOIN events USING (event_index)
WHERE series = :series AND period BETWEEN :first AND :last AND editions.participant = :participant
  AND editions.recorded_at <= :known_at
ORDER BY period, edition
