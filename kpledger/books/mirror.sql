-- What two participants say about the same trade, both ways, quarter by quarter: what the ledger has,
-- and what either side submitted last.
--
-- Parameters: one, other: participants; quarters: JSON, as [["2026Q1", true]], with whether what was
-- sent in it can no longer be on its way.
WITH lanes AS (
    SELECT quarters.value ->> 0 AS quarter, quarters.value ->> 1 AS settled,
           ways.column1 AS issuer, ways.column2 AS destination
    FROM json_each(:quarters) AS quarters, (VALUES (:one, :other), (:other, :one)) AS ways
),
figures AS (
    SELECT quarter, issuer, destination, lanes.settled,
           coalesce(declared, 0) AS issued,
           coalesce(declared_carat_thousandths, 0) AS issued_carat_thousandths,
           coalesce(declared_value_usd_cents, 0) AS issued_value_usd_cents,
           coalesce(pairs.settled, 0) AS confirmed,
           coalesce(settled_carat_thousandths, 0) AS confirmed_carat_thousandths,
           coalesce(settled_value_usd_cents, 0) AS confirmed_value_usd_cents,
           coalesce(found_carat_thousandths, 0) AS found_carat_thousandths,
           coalesce(found_value_usd_cents, 0) AS found_value_usd_cents,
           coalesce(held, 0) AS held,
           coalesce(held_carat_thousandths, 0) AS held_carat_thousandths,
           coalesce(pairs.received, 0) AS received,
           coalesce(received_carat_thousandths, 0) AS received_carat_thousandths,
           CASE WHEN sent.edition THEN (
               SELECT CAST(TOTAL(carat_thousandths) AS INTEGER)
               FROM edition_rows
               WHERE series = 'TRADE' AND period = quarter AND participant = issuer
                 AND edition_rows.edition = sent.edition
                 AND flow = 'EXPORT' AND partner = destination)
           END AS submitted_out_carat_thousandths,
           CASE WHEN taken.edition THEN (
               SELECT CAST(TOTAL(carat_thousandths) AS INTEGER)
               FROM edition_rows
               WHERE series = 'TRADE' AND period = quarter AND participant = destination
                 AND edition_rows.edition = taken.edition
                 AND flow = 'IMPORT' AND partner = issuer)
           END AS submitted_in_carat_thousandths
    FROM lanes
    LEFT JOIN pairs USING (quarter, issuer, destination)
    LEFT JOIN newest_editions AS sent
        ON sent.series = 'TRADE' AND sent.period = quarter AND sent.participant = issuer
    LEFT JOIN newest_editions AS taken
        ON taken.series = 'TRADE' AND taken.period = quarter AND taken.participant = destination
)
SELECT *,
       issued - confirmed - held AS open,
       issued_carat_thousandths - confirmed_carat_thousandths - held_carat_thousandths
           AS open_carat_thousandths,
       submitted_out_carat_thousandths - submitted_in_carat_thousandths
           - (issued_carat_thousandths - received_carat_thousandths)
           AS unexplained_carat_thousandths
FROM figures
ORDER BY quarter, issuer <> :one
