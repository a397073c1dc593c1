-- Certificates without an answer, the newest first.
--
-- Parameters: participant, or empty; from_day, last: days of expiry; at: today; limit.
SELECT number, issuer, destination, carat_thousandths, expires_on AS expired_on,
       CAST(julianday(:at) - julianday(expires_on) AS INTEGER) AS days,
       lower(hex(event_id)) AS issue
FROM unanswered JOIN events ON event_index = issue
WHERE expires_on BETWEEN :from_day AND :last
  AND (:participant = '' OR :participant IN (issuer, destination))
ORDER BY expires_on DESC, number DESC
LIMIT :limit
