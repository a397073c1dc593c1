-- Certificates and cases as a lineage shows them, in the order in which they are named.
--
-- Parameters: subjects: JSON.
SELECT value AS subject,
       coalesce(certificates.state, cases.state) AS state,
       coalesce(issuer, cases.holder, substr(value, 1, 2)) AS issuer,
       coalesce(destination, '') AS destination,
       coalesce(issued_on, '') AS issued_on,
       origins,
       coalesce(certificates.carat_thousandths, 0) AS carat_thousandths,
       EXISTS (SELECT 1 FROM suspect_events JOIN event_subjects USING (event_index)
               WHERE event_subjects.subject = value) AS suspect,
       coalesce((SELECT group_concat(source) FROM certificate_sources AS s
                 WHERE s.certificate = certificates.issue AND fault IS NOT NULL), '')
         AS wrong_sources,
       (SELECT CAST(total(s.carat_thousandths) AS INTEGER)
        FROM certificate_sources AS s JOIN certificates AS claimant ON claimant.issue = s.certificate
        WHERE s.source = value AND claimant.claims = 1)
         AS claimed_carat_thousandths,
       coalesce(found_carat_thousandths, certificates.carat_thousandths, 0)
         AS held_carat_thousandths
FROM json_each(:subjects)
LEFT JOIN certificates ON certificates.number = value
LEFT JOIN cases ON subject = value AND known_until IS NULL
ORDER BY key
