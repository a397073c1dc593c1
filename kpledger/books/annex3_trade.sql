-- The trade table of Annex III: as the events tell it, by the newest editions, and how these differ.
--
-- Parameters: participant; first, last: quarters; known_at: Unix milliseconds; derived, submitted,
-- complete: which figures are wanted, and whether they can be compared; largest: the largest amount
-- that is shown.
WITH counted AS (
    -- In the order of the table's key, so that nothing has to be sorted.
    SELECT flow, partner, origin, hs,
           TOTAL(carat_thousandths) AS carats, TOTAL(value_usd_cents) AS value
    FROM trade
    WHERE :derived AND reporter = :participant AND quarter BETWEEN :first AND :last
      AND known_from <= :known_at AND (known_until IS NULL OR known_until > :known_at)
    GROUP BY quarter, flow, partner, origin, hs
),
derived AS (
    SELECT flow, partner, origin, hs, SUM(carats) AS carats, SUM(value) AS value
    FROM counted
    GROUP BY flow, partner, origin, hs
    HAVING SUM(carats) > 0 OR SUM(value) > 0
),
submitted AS (
    SELECT flow, partner, origin, hs,
           TOTAL(carat_thousandths) AS carats, TOTAL(value_usd_cents) AS value
    FROM edition_rows
    WHERE :submitted AND series = 'TRADE' AND participant = :participant
      AND (period, edition) IN (
        SELECT period, max(edition) FROM editions
        WHERE series = 'TRADE' AND participant = :participant
          AND period BETWEEN :first AND :last AND recorded_at <= :known_at
        GROUP BY period)
    GROUP BY flow, partner, origin, hs
),
compared AS (
    SELECT flow, partner, origin, hs,
           CAST(coalesce(derived.carats, 0) AS INTEGER) AS carats,
           CAST(coalesce(derived.value, 0) AS INTEGER) AS value,
           CAST(coalesce(submitted.carats, 0) AS INTEGER) AS told_carats,
           CAST(coalesce(submitted.value, 0) AS INTEGER) AS told_value
    FROM derived FULL JOIN submitted USING (flow, partner, origin, hs)
)
SELECT flow, partner, origin, hs,
       iif(:derived, min(carats, :largest), NULL) AS carat_thousandths,
       iif(:derived, min(value, :largest), NULL) AS value_usd_cents,
       iif(:submitted, min(told_carats, :largest), NULL) AS submitted_carat_thousandths,
       iif(:submitted, min(told_value, :largest), NULL) AS submitted_value_usd_cents,
       iif(:complete, max(-:largest, min(told_carats - carats, :largest)), NULL)
           AS difference_carat_thousandths,
       iif(:complete, max(-:largest, min(told_value - value, :largest)), NULL)
           AS difference_value_usd_cents
FROM compared
ORDER BY flow, partner, origin, hs
