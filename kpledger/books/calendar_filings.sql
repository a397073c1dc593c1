-- What participants have to file and have not filed.
--
-- Parameters: first, last: days on which it is due.
SELECT participant, series, period, due_on
FROM filings_due
WHERE due_on BETWEEN :first AND :last
  AND NOT EXISTS (
    SELECT 1 FROM editions
    WHERE editions.series = filings_due.series AND editions.period = filings_due.period
      AND editions.participant = filings_due.participant)
  AND NOT EXISTS (
    SELECT 1 FROM reports
    WHERE filings_due.series = 'REPORT' AND reports.participant = filings_due.participant
      AND reports.year = CAST(filings_due.period AS INTEGER))
