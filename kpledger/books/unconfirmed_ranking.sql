-- Destinations by how many certificates they have left without an answer.
--
-- Parameters: participant, or empty; from_day, last: days of expiry; first_quarter, last_quarter: of
-- issue; largest: the largest amount that is shown.
WITH found AS (
    SELECT destination, COUNT(*) AS unconfirmed,
           CAST(TOTAL(carat_thousandths) AS INTEGER) AS carat_thousandths,
           min(expires_on) AS oldest
    FROM unanswered
    WHERE expires_on BETWEEN :from_day AND :last
      AND (:participant = '' OR :participant IN (issuer, destination))
    GROUP BY destination
),
all_issued AS (
    SELECT destination, SUM(declared) AS issued
    FROM pairs
    WHERE quarter BETWEEN :first_quarter AND :last_quarter
      AND (:participant = '' OR :participant IN (issuer, destination))
    GROUP BY destination
)
SELECT destination, unconfirmed, min(carat_thousandths, :largest) AS carat_thousandths,
       coalesce(issued, 0) AS issued,
       unconfirmed * 1000 / max(1, coalesce(issued, 0)) AS per_thousand,
       oldest
FROM found LEFT JOIN all_issued USING (destination)
ORDER BY unconfirmed DESC, destination
