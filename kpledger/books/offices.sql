-- The offices of a participant, or under KPCS those of the scheme and its observers.
--
-- Parameters: participant.
SELECT authority, title, place, contact, roles, territory, observer, closed_at,
       closed_at IS NOT NULL AS closed
FROM offices
WHERE participant = :participant AND known_until IS NULL
ORDER BY authority
