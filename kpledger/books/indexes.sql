-- Indexes for questions; books that catch up are written without them, and get them at the end.
-- What the writer itself asks for while it writes is at the end of schema.sql.

CREATE UNIQUE INDEX events_id ON events (event_id);
CREATE INDEX events_withdrawing ON events (event_index, subject) WHERE type = 'opening_withdrawn';

-- Lists of certificates in the order of their numbers. Nearly all are CONFIRMED in the end, so that
-- only the others need an index by state.
CREATE INDEX certificates_issuer ON certificates (issuer, number);
CREATE INDEX certificates_destination ON certificates (destination, number);
CREATE INDEX certificates_pair ON certificates (issuer, destination, number);
CREATE INDEX certificates_state ON certificates (state, number, issuer, destination)
    WHERE state <> 'CONFIRMED';

-- By day of issue.
CREATE INDEX certificates_issued ON certificates (issuer, issued_on, number);
CREATE INDEX certificates_imported ON certificates (destination, issued_on, number);
CREATE INDEX certificates_waits ON certificates (waits, waits_since, number, issuer, destination)
    WHERE waits IS NOT NULL;
CREATE INDEX certificates_unsettled ON certificates (quarter, issuer, destination, number)
    WHERE unsettled = 1;
CREATE INDEX certificates_moved_case ON certificates (case_subject) WHERE case_subject IS NOT NULL;

-- Flags raised at issue.
CREATE INDEX certificates_f4 ON certificates (issued_on, issuer, destination)
    WHERE abs(sourced_change_ppm) >= 200000;
CREATE INDEX certificates_f7 ON certificates (issued_on, issuer, destination)
    WHERE days_after_higher IS NOT NULL;
CREATE INDEX certificates_f11 ON certificates (issued_on, issuer)
    WHERE destination = 'EU' AND origins = '' AND kind = 'NORMAL';
CREATE INDEX certificates_f11_sanctions ON certificates (issued_on, issuer, destination)
    WHERE instr(origins, 'RU') AND destination IN ('CA', 'EU', 'GB', 'JP', 'US')
      AND issued_on >= '2023-01-01' AND kind = 'NORMAL';
CREATE INDEX certificates_zones ON certificates (issued_on, issuer) WHERE zones <> '';
CREATE INDEX certificates_f19 ON certificates (issued_on, issuer, destination)
    WHERE drawn_carat_thousandths > carat_thousandths;
CREATE INDEX certificates_f19_gap ON certificates (issued_on, issuer, destination)
    WHERE drawn_carat_thousandths < carat_thousandths;
CREATE INDEX certificates_f18 ON certificates (issued_on, issuer)
    WHERE origins = '' AND kind = 'NORMAL';
CREATE INDEX certificates_f15 ON certificates (issued_on, issuer, destination)
    WHERE earlier IS NOT NULL;
CREATE INDEX certificates_f18_origin ON certificates (issued_on, issuer, destination)
    WHERE watched_origins IS NOT NULL;
CREATE INDEX certificates_f18_neighbour ON certificates (issued_on, issuer, destination)
    WHERE watched_neighbours IS NOT NULL;
CREATE INDEX marks_f8 ON marks (kind, day, certificate) WHERE first = 1;

-- Flags raised at a movement.
CREATE INDEX movements_certificate ON movements (certificate);
CREATE INDEX movements_weight ON movements (recorded_on, issuer, destination, weight_ppm)
    WHERE move = 'CONFIRMED' AND weight_ppm >= 100;
CREATE INDEX movements_value ON movements (recorded_on, issuer, destination, value_ppm)
    WHERE move = 'CONFIRMED' AND value_ppm >= 5000;
CREATE INDEX movements_discrepant ON movements
    (recorded_on, issuer, destination, weight_ppm, price_ppm)
    WHERE move = 'DISCREPANT';
CREATE INDEX movements_seals ON movements (recorded_on, issuer, destination)
    WHERE seals_broken = 1;
CREATE INDEX movements_contents ON movements (recorded_on, issuer, destination)
    WHERE contents IS NOT NULL;
CREATE INDEX movements_again ON movements (recorded_on, issuer, destination)
    WHERE move = 'AGAIN';
CREATE INDEX movements_expired ON movements (recorded_on, issuer, destination, days_expired)
    WHERE days_expired IS NOT NULL;
CREATE INDEX movements_late ON movements
    (recorded_on, issuer, destination, working_days, days_allowed)
    WHERE working_days > days_allowed;
CREATE INDEX movements_unannounced ON movements (recorded_on, issuer, destination)
    WHERE unannounced = 1;
CREATE INDEX movements_standing ON movements (recorded_on, issuer, destination)
    WHERE issuer_standing IS NOT NULL;
CREATE INDEX movements_received ON movements (recorded_on, issuer, destination)
    WHERE destination_standing IS NOT NULL;

CREATE INDEX certificate_lines_price ON certificate_lines
    (year, issuer, origin, hs, price_step, destination)
    WHERE price_step IS NOT NULL;
CREATE INDEX certificate_sources_certificate ON certificate_sources (certificate, position);
CREATE INDEX certificate_sources_fault ON certificate_sources (certificate, fault)
    WHERE fault IS NOT NULL;
CREATE INDEX suspects_day ON suspects (recorded_on);
CREATE INDEX suspects_number ON suspects (number, event_index);
CREATE INDEX blocks_time ON blocks (time_ms, first_event);
CREATE INDEX number_intervals_certificate ON number_intervals (certificate);
CREATE INDEX editions_restated ON editions (recorded_on, participant)
    WHERE restated_ppm >= 10000;
CREATE INDEX editions_participant ON editions (participant, series, period, edition);
CREATE INDEX edition_rows_partner ON edition_rows
    (period, participant, partner, flow, edition, carat_thousandths) WHERE series = 'TRADE';
