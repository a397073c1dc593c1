-- The steps that the goods of certificates and cases took afterwards.
--
-- Parameters: subjects: JSON.
SELECT value AS earlier, number AS later, 'SOURCE' AS link, s.carat_thousandths,
       key AS asked, 1 AS step, number AS place
FROM json_each(:subjects)
CROSS JOIN certificate_sources AS s ON s.source = value
JOIN certificates ON issue = s.certificate
UNION ALL
SELECT value, number, 'TECHNICAL', NULL, key, 1, number
FROM json_each(:subjects) CROSS JOIN certificates ON case_subject = value
UNION ALL
SELECT value, replaced_by, 'REPLACEMENT', NULL, key, 2, 0
FROM json_each(:subjects) CROSS JOIN certificates ON number = value
WHERE replaced_by IS NOT NULL
UNION ALL
-- Cases of a certificate are BW00000042/1, /2, ...
SELECT value, subject, 'CASE', NULL, key, 3, CAST(substr(subject, length(value) + 2) AS INTEGER)
FROM json_each(:subjects)
CROSS JOIN cases ON subject BETWEEN value || '/' AND value || '/~'
WHERE number = value AND known_until IS NULL
ORDER BY asked, step, place
