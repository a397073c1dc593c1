-- The steps by which goods came to certificates and cases.
--
-- Parameters: subjects: JSON.
SELECT s.source AS earlier, value AS later, 'SOURCE' AS link, s.carat_thousandths,
       key AS asked, 1 AS step, s.position
FROM json_each(:subjects)
CROSS JOIN certificates ON number = value
JOIN certificate_sources AS s ON s.certificate = issue
UNION ALL
SELECT replaces, value, 'REPLACEMENT', NULL, key, 2, 0
FROM json_each(:subjects) CROSS JOIN certificates ON number = value
WHERE replaces IS NOT NULL
UNION ALL
SELECT case_subject, value, 'TECHNICAL', NULL, key, 3, 0
FROM json_each(:subjects) CROSS JOIN certificates ON number = value
WHERE case_subject IS NOT NULL
UNION ALL
SELECT number, value, 'CASE', NULL, key, 4, 0
FROM json_each(:subjects) CROSS JOIN cases ON subject = value AND known_until IS NULL
WHERE number IS NOT NULL
ORDER BY asked, step, position
