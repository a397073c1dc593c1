-- What is wrong with the claims on some sources, as known now; of several faults the first counts.
--
-- Claims take from a source in the order of their issue; what was withdrawn, came back or was
-- lost without its goods takes nothing, nor does what others name than whoever imported it. Two scales differ by a hundredth of
-- a carat. Unsorted goods (710210) become those of any HS code.
--
-- Parameter 1: the numbers of the sources, as a JSON array.
UPDATE certificate_sources SET fault = judged.fault
FROM (
    SELECT claimed.source AS number, claimed.certificate AS claim, CASE
        WHEN source.issue IS NULL THEN 'NEVER'
        WHEN source.issue > claimed.certificate THEN 'LATER'
        WHEN source.destination <> claimant.issuer THEN 'ELSEWHERE'
        WHEN source.kind = 'TECHNICAL' THEN 'TECHNICAL'
        WHEN source.received_on IS NULL THEN 'NOT_IMPORTED'
        WHEN source.received_on > claimant.issued_on THEN 'EARLY'
        WHEN total(claimed.carat_thousandths) FILTER (
                 WHERE source.destination = claimant.issuer AND source.issue < claimant.issue
                   AND claimant.claims = 1)
               OVER (PARTITION BY claimed.source ORDER BY claimed.certificate) > source.found_carat_thousandths + 10
          THEN 'MORE'
        WHEN claimant.origins <> '' AND source.origins <> '' AND NOT EXISTS (
            SELECT 1 FROM json_each('["' || replace(source.origins, ',', '","') || '"]')
            WHERE instr(claimant.origins, value)) THEN 'ORIGIN'
        WHEN NOT EXISTS (
            SELECT 1 FROM certificate_lines AS had
            JOIN certificate_lines AS has ON has.certificate = claimant.issue
             AND had.hs IN (has.hs, '710210')
            WHERE had.certificate = source.issue) THEN 'CLASS'
        END AS fault
    FROM json_each(?1) AS asked
    CROSS JOIN certificate_sources AS claimed ON claimed.source = asked.value
    JOIN certificates AS claimant ON claimant.issue = claimed.certificate
    LEFT JOIN certificates AS source ON source.number = claimed.source
    WHERE claimant.kind = 'NORMAL'
) AS judged
WHERE source = judged.number AND certificate = judged.claim AND certificate_sources.fault IS NOT judged.fault
