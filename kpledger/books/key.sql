-- A key, and whose it is.
--
-- Parameters: key.
SELECT lower(hex(key)) AS key, participant, authority, officer, valid_from, revoked_at, reason,
       suspect_since,
       (SELECT closed_at FROM offices
        WHERE offices.participant = keys.participant AND offices.authority = keys.authority
          AND offices.known_until IS NULL) AS office_closed_at
FROM keys
WHERE key = :key AND known_until IS NULL
