-- The events on a subject, oldest first.
--
-- Parameters: subject.
SELECT lower(hex(event_id)) AS id, type,
       json_object('participant', participant, 'authority', authority) AS author,
       occurred_at, height, event_index AS "index", recorded_at AS block_time_ms,
       EXISTS (SELECT 1 FROM suspect_events AS suspect
               WHERE suspect.event_index = events.event_index) AS suspect
FROM event_subjects JOIN events USING (event_index)
WHERE event_subjects.subject = :subject
ORDER BY event_index
