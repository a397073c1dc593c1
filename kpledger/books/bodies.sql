-- Working groups and committees.
--
-- Parameters: past: whether those as well that were dissolved.
SELECT name, title, kind, chair, members, observers, dissolved
FROM bodies
WHERE known_until IS NULL AND (:past OR NOT dissolved)
ORDER BY name
