-- How many numbers of a range were used, and the highest of them.
--
-- Parameters: prefix, width, first, last: of the range.
SELECT coalesce(SUM(min(last, :last) - max(first, :first) + 1), 0), max(min(last, :last))
FROM number_intervals
WHERE prefix = :prefix AND width = :width AND first <= :last AND last >= :first
