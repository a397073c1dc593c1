-- Runs of numbers of a range that were passed over, and what was issued after each.
--
-- Parameters: prefix, width, first, last: of the range; limit.
WITH used AS (
    SELECT max(first, :first) AS first, min(last, :last) AS last
    FROM number_intervals
    WHERE prefix = :prefix AND width = :width AND first <= :last AND last >= :first
),
gaps AS (
    SELECT lag(last, 1, :first - 1) OVER (ORDER BY first) + 1 AS first, first AS next FROM used
)
SELECT printf('%s%0*d', :prefix, :width, first) AS first,
       printf('%s%0*d', :prefix, :width, next - 1) AS last,
       next - first AS count,
       number AS next,
       issued_on
FROM gaps JOIN certificates ON number = printf('%s%0*d', :prefix, :width, next)
WHERE next > gaps.first
ORDER BY gaps.first
LIMIT :limit
