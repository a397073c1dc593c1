-- The keys of a participant's offices, by office.
--
-- Parameters: participant; past: whether those as well that were revoked.
SELECT lower(hex(key)) AS key, authority, officer, valid_from, revoked_at, reason, suspect_since
FROM keys
WHERE participant = :participant AND known_until IS NULL AND (:past OR revoked_at IS NULL)
ORDER BY authority, valid_from, key
