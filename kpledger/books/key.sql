-- A key, and whose it is.
--
-- Parameters: key.
SELECT lower(hex(key)) AS key, participant, authority, officer, valid_from, revoked_at, reason,
       suspect_since
FROM keys
WHERE key = :key AND known_until IS NULL
