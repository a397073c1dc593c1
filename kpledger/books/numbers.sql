-- The number ranges of a participant, what was used of each, and the runs of its numbers that were
-- passed over, with what was issued after each.
--
-- Parameters: participant; limit: of the runs of each range.
WITH ranges AS (
    SELECT r.*,
           coalesce(SUM(min(used.last, r.last) - max(used.first, r.first) + 1), 0) AS used,
           max(min(used.last, r.last)) AS highest
    FROM number_ranges AS r
    LEFT JOIN number_intervals AS used
        ON used.prefix = r.prefix AND used.width = r.width
        AND used.first <= r.last AND used.last >= r.first
    WHERE participant = :participant AND known_until IS NULL
    GROUP BY r.rowid
)
SELECT authority,
       printf('%s%0*d', prefix, width, first) AS first,
       printf('%s%0*d', prefix, width, last) AS last,
       use_from, use_until,
       iif(retired_at IS NULL, '',
           printf('%s.%03dZ', strftime('%Y-%m-%dT%H:%M:%S', retired_at / 1000, 'unixepoch'),
                  retired_at % 1000)) AS retired_at,
       last - first + 1 AS size,
       used,
       iif(highest IS NULL, '', printf('%s%0*d', prefix, width, highest)) AS highest,
       coalesce(highest - first + 1 - used, 0) AS missing,
       (SELECT json_group_array(json_object(
                   'first', printf('%s%0*d', ranges.prefix, ranges.width, passed),
                   'last', printf('%s%0*d', ranges.prefix, ranges.width, next - 1),
                   'count', next - passed,
                   'next', number,
                   'issued_on', issued_on))
        FROM (
            SELECT *
            FROM (
                SELECT lag(min(gone.last, ranges.last), 1, ranges.first - 1)
                           OVER (ORDER BY gone.first) + 1 AS passed,
                       max(gone.first, ranges.first) AS next
                FROM number_intervals AS gone
                WHERE gone.prefix = ranges.prefix AND gone.width = ranges.width
                  AND gone.first <= ranges.last AND gone.last >= ranges.first)
            JOIN certificates ON number = printf('%s%0*d', ranges.prefix, ranges.width, next)
            WHERE next > passed
            ORDER BY passed
            LIMIT :limit)) AS gaps
FROM ranges
ORDER BY position
