-- The table of certificates of Annex III, by partner; parameters as in annex3_trade.sql.
WITH counted AS (
    SELECT flow, partner, SUM(certificates) AS certificates
    FROM trade
    WHERE :derived AND reporter = :participant AND quarter BETWEEN :first AND :last
      AND known_from <= :known_at AND (known_until IS NULL OR known_until > :known_at)
    GROUP BY quarter, flow, partner
),
derived AS (
    SELECT partner,
           SUM((flow = 'EXPORT') * certificates) AS issued,
           SUM((flow = 'IMPORT') * certificates) AS received
    FROM counted
    GROUP BY partner
),
submitted AS (
    SELECT partner, SUM(issued) AS issued, SUM(received) AS received
    FROM edition_rows
    WHERE :submitted AND series = 'COUNTS' AND participant = :participant
      AND (period, edition) IN (
        SELECT period, max(edition) FROM editions
        WHERE series = 'COUNTS' AND participant = :participant
          AND period BETWEEN :first AND :last AND recorded_at <= :known_at
        GROUP BY period)
    GROUP BY partner
),
compared AS (
    SELECT partner,
           coalesce(derived.issued, 0) AS issued,
           coalesce(derived.received, 0) AS received,
           coalesce(submitted.issued, 0) AS told_issued,
           coalesce(submitted.received, 0) AS told_received
    FROM derived FULL JOIN submitted USING (partner)
)
SELECT partner,
       iif(:derived, issued, NULL) AS issued,
       iif(:derived, received, NULL) AS received,
       iif(:submitted, told_issued, NULL) AS submitted_issued,
       iif(:submitted, told_received, NULL) AS submitted_received,
       iif(:complete, told_issued - issued, NULL) AS difference_issued,
       iif(:complete, told_received - received, NULL) AS difference_received
FROM compared
ORDER BY partner
