-- What each participant had and sent out, for F5 and F6; every statement of these begins so.
--
-- The ends of quarters, and the first of the months that are looked back over from each; half a
-- year more, which tells whether a deficit goes on.
WITH ends AS (
  SELECT q.last_day AS day, substr(q.last_day, 1, 7) AS last_month,
         half.period AS half_year, half.due_on AS production_due,
         max(substr(date(q.first_day, (3 - :months) || ' months'), 1, 7),
             substr(began.value, 1, 7)) AS first_month
  FROM periods AS q
  JOIN periods AS half
    ON half.period = substr(q.period, 1, 4) || iif(substr(q.period, 6) < '3', 'H1', 'H2')
  JOIN meta AS began ON began.key = 'first_issued_on' AND began.value <> ''
  WHERE substr(q.period, 5, 1) = 'Q' AND q.last_day BETWEEN :from_day AND min(date(:until_day, '6 months'), :last_day, :at)
),
-- What each participant moved in those months; of half a year of trade at least.
traded AS (
  SELECT e.*, f.participant,
         CAST(total(f.export_carat_thousandths) AS INTEGER) AS exported,
         CAST(total(f.import_carat_thousandths) AS INTEGER) AS imported,
         CAST(total(iif(f.origin = f.participant, f.export_carat_thousandths, 0)) AS INTEGER)
           AS exported_own,
         total(iif(f.origin = f.participant, f.exports, 0)) > 0
           OR EXISTS (SELECT 1 FROM editions
                      WHERE series = 'PRODUCTION' AND editions.participant = f.participant)
           AS mines
  FROM ends AS e
  CROSS JOIN participants AS p
  JOIN flows AS f ON f.participant = p.participant
                 AND f.month BETWEEN e.first_month AND e.last_month
  WHERE p.known_until IS NULL AND :participant IN ('', p.participant)
    AND date(e.first_month || '-01', min(:months, 6) || ' months', '-1 day') <= e.day
  GROUP BY e.day, f.participant
),
-- Production of each half-year in those months: in equal parts by month, but in full for the last
-- one, since nobody reports when in it stones were mined, and a small producer sells all at once.
reported AS MATERIALIZED (
  SELECT n.participant, n.period, n.event_index, n.production_carat_thousandths,
         half.first_day, half.last_day
  FROM newest_editions AS n
  CROSS JOIN periods AS half ON half.period = n.period
  WHERE n.series = 'PRODUCTION' AND :participant IN ('', n.participant)
    AND n.period BETWEEN (SELECT substr(min(first_month), 1, 4) FROM ends)
                     AND (SELECT max(half_year) FROM ends)
),
produced AS MATERIALIZED (
  SELECT t.day, t.participant, half.period, half.event_index,
         half.production_carat_thousandths * iif(half.period = t.half_year, 6, min(
           6, 12 * (substr(half.last_day, 1, 4) - substr(t.first_month, 1, 4))
              + substr(half.last_day, 6, 2) - substr(t.first_month, 6, 2) + 1)
         ) / 6 AS carat_thousandths
  FROM traded AS t
  JOIN reported AS half ON half.participant = t.participant
   AND half.first_day <= t.day AND half.last_day > t.first_month
),
-- A balance of a producer waits for the end of a half-year, and until the production of it was
-- reported, or is overdue and counts as none.
balances AS MATERIALIZED (
  SELECT t.*,
         coalesce(json_extract(:stock, '$.' || t.participant), 0) * 1000 AS stock,
         (SELECT CAST(total(carat_thousandths) AS INTEGER) FROM produced AS p
          WHERE p.day = t.day AND p.participant = t.participant) AS mined,
         (SELECT json_group_array(event_index) FROM (
            SELECT event_index FROM produced AS p
            WHERE p.day = t.day AND p.participant = t.participant ORDER BY period)) AS productions
  FROM traded AS t
  WHERE NOT mines OR (
    substr(t.day, 6, 2) IN ('06', '12')
    AND (production_due < :at OR EXISTS (
      SELECT 1 FROM editions
      WHERE series = 'PRODUCTION' AND period = t.half_year AND participant = t.participant)))
),
-- Too much went out: all that goes out beside all that came in (F5), and what is of its own origin
-- beside what was mined (own, F6). What F6 tells of, F5 leaves out.
measured AS (
  SELECT *, exported_own - mined * :F6_percent / 100 - stock AS beyond_own,
         iif(exported_own - mined * :F6_percent / 100 - stock > :F6_carats * 1000,
             exported_own - mined - stock, 0) AS left_out
  FROM balances
),
deficits AS MATERIALIZED (
  SELECT *, 0 AS own, exported - mined - imported - stock - left_out AS beyond
  FROM measured
  WHERE exported - mined - imported - stock - left_out
        > max(:F5_carats * 1000, (mined + imported) * :F5_slack_percent / 100)
  UNION ALL
  SELECT *, 1, beyond_own FROM measured WHERE beyond_own > :F6_carats * 1000
),
-- A deficit is told of once, at the newest of its ends: not where there is one half a year later.
newest AS MATERIALIZED (
  SELECT * FROM deficits AS d
  WHERE day <= :until_day AND NOT EXISTS (
    SELECT 1 FROM deficits AS later
    WHERE later.own = d.own AND later.participant = d.participant AND later.day > d.day
      AND later.day <= date(d.day, 'start of month', '7 months', '-1 day'))
),
-- It grows: of all half-years from which it may be reckoned, the one that makes it largest.
halves AS (
  SELECT d.own, d.participant, d.day, d.stock, d.left_out,
         substr(f.month, 1, 4) || iif(substr(f.month, 6) < '07', 'H1', 'H2') AS half_year,
         total(f.export_carat_thousandths) AS exported,
         total(f.import_carat_thousandths) AS imported,
         total(iif(f.origin = f.participant, f.export_carat_thousandths, 0)) AS exported_own,
         0 AS mined
  FROM newest AS d
  JOIN flows AS f ON f.participant = d.participant AND f.month <= d.last_month
  GROUP BY d.own, d.participant, d.day, 6
  UNION ALL
  SELECT d.own, d.participant, d.day, d.stock, d.left_out, n.period, 0, 0, 0,
         n.production_carat_thousandths
  FROM newest AS d
  JOIN newest_editions AS n ON n.series = 'PRODUCTION' AND n.participant = d.participant
                           AND n.period <= d.half_year
),
since AS (
  SELECT own, participant, day, stock, left_out, half_year,
         CAST(total(sum(exported)) OVER back AS INTEGER) AS exported,
         CAST(total(sum(imported)) OVER back AS INTEGER) AS imported,
         CAST(total(sum(exported_own)) OVER back AS INTEGER) AS exported_own,
         CAST(total(sum(mined)) OVER back AS INTEGER) AS mined
  FROM halves
  GROUP BY own, participant, day, half_year
  WINDOW back AS (PARTITION BY own, participant, day ORDER BY half_year DESC)
),
grown AS (
  SELECT own, participant, day, half_year, exported, imported, exported_own, mined,
         max(iif(own, exported_own - mined * :F6_percent / 100 - stock,
                 exported - mined - imported - stock
                 - iif(left_out > 0, max(0, exported_own - mined - stock), 0))) AS beyond
  FROM since
  GROUP BY own, participant, day
),
-- What was looked back over may begin within a half-year, and be larger.
told AS (
  SELECT d.own, d.participant, d.day, d.last_month, d.productions, d.stock,
         iif(g.beyond > d.beyond,
             substr(g.half_year, 1, 4) || iif(substr(g.half_year, 6) = '1', '-01', '-07'),
             d.first_month) AS first_month,
         iif(g.beyond > d.beyond, g.exported, d.exported) AS exported,
         iif(g.beyond > d.beyond, g.imported, d.imported) AS imported,
         iif(g.beyond > d.beyond, g.exported_own, d.exported_own) AS exported_own,
         iif(g.beyond > d.beyond, g.mined, d.mined) AS mined,
         max(g.beyond, d.beyond) AS beyond
  FROM newest AS d
  JOIN grown AS g USING (own, participant, day)
)
