-- The keys of a participant's offices, by office.
--
-- Parameters: participant; past: whether those as well that sign no more.
SELECT lower(hex(key)) AS key, authority, officer, valid_from, revoked_at, reason, suspect_since,
       (SELECT closed_at FROM offices
        WHERE offices.participant = keys.participant AND offices.authority = keys.authority
          AND offices.known_until IS NULL) AS office_closed_at
FROM keys
WHERE participant = :participant AND known_until IS NULL
  AND (:past OR revoked_at IS NULL AND office_closed_at IS NULL)
ORDER BY authority, valid_from, key
