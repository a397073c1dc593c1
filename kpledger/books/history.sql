-- The events on a subject, oldest first.
--
-- Parameters: subject.
SELECT lower(hex(event_id)) AS id, type,
       json_object('participant', participant, 'authority', authority) AS author,
       occurred_at, height, event_index AS "index", recorded_at AS block_time_ms
FROM event_subjects JOIN events USING (event_index)
WHERE event_subjects.subject = :subject
ORDER BY event_index
