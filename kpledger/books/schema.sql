-- The books: what the ledger's events add up to, as tables.
--
-- Units: weights are thousandths of a carat, values are US cents, times are Unix milliseconds
-- (block time unless said otherwise), days are YYYY-MM-DD, months YYYY-MM, quarters YYYYQn.
-- Whole numbers everywhere. A sum over many rows is written CAST(TOTAL(x) AS INTEGER): it is exact
-- up to 2^53 - 1, the largest amount that is ever shown, and does not fail beyond.
--
-- An event is named by its event_index, the 0-based position of its leaf in the tree; a certificate
-- by the event_index of its issue, in columns called certificate, issue, earlier and higher.
--
-- known_from and known_until say from and until which block time a row was what the ledger knew;
-- known_until is NULL while it still is. "As known at T": known_from <= T
-- AND (known_until IS NULL OR known_until > T).
--
-- Rows of the small tables are never changed: another version of a thing closes its rows and adds
-- others, and event_index is the event that did it (NULL: the genesis file).
--
-- Everything here is derived from the events. Deleting the file loses nothing.

-- ------------------------------------------------------------------------------ the ledger itself

-- How far the books are, and by which derivation they were made. Keys:
--   derivation       which program derived them; another one means that the books are built anew
--   chain            id of the ledger, hexadecimal
--   height           the newest block in the books
--   head             its head, hexadecimal
--   time_ms          its time
--   events           number of events in the books
--   indexed          1 when it has been caught up with, and questions have their indexes
--   first_issued_on  the first day of issue of any certificate; '' before there is one
CREATE TABLE meta (
    key   TEXT NOT NULL PRIMARY KEY,
    value NOT NULL
) WITHOUT ROWID;

-- Blocks of events, and those that open a term.
CREATE TABLE blocks (
    height      INTEGER PRIMARY KEY,
    head        BLOB NOT NULL,
    time_ms     INTEGER NOT NULL,
    first_event INTEGER NOT NULL,    -- event_index of its first event
    event_count INTEGER NOT NULL,
    leader      TEXT NOT NULL        -- the voter that sealed it; '' of one that opens a term
);

-- The state as of the newest block: canonical MessagePack by key, as in docs/protocol.md, without
-- the keys event/..., which are the table events, and quota/..., which decide only what is let in.
CREATE TABLE records (
    key   BLOB NOT NULL UNIQUE,
    value BLOB NOT NULL
);

-- Every event.
CREATE TABLE events (
    event_index INTEGER PRIMARY KEY,
    event_id    BLOB NOT NULL,
    height      INTEGER NOT NULL,    -- the block that holds it
    recorded_at INTEGER NOT NULL,    -- block time
    recorded_on TEXT NOT NULL,       -- its day
    type        TEXT NOT NULL,       -- for instance certificate_issued
    participant TEXT NOT NULL,       -- the author's participant, or KPCS
    authority   TEXT NOT NULL,       -- the author's office
    subject     TEXT NOT NULL,
    occurred_at INTEGER NOT NULL,    -- when it happened, by the author's clock
    stated_on   TEXT NOT NULL        -- the day of that, or the day of issue if that is earlier
);

-- The dates that statements name, where they lie away from the day of recording.
CREATE TABLE stated_dates (
    recorded_on TEXT NOT NULL,
    event_index INTEGER NOT NULL,
    field       TEXT NOT NULL,       -- where it stands: arrived_on; occurred_at of the event itself
    participant TEXT NOT NULL,       -- the author's
    kind        TEXT NOT NULL,       -- what it is of: HAPPENED (an issue, an arrival), RECEIVED (a
                                     -- receipt), LEFT (a departure, told at the other end), DEPARTS
                                     -- (as announced), DECIDED (a decision or measure), PERIOD (that
                                     -- figures are about), USED (numbers, since then), PLANNED
                                     -- (expiry, due and expected days), UNTIL (the end of what
                                     -- holds for a time)
    stated_on   TEXT NOT NULL,       -- of a period, its last day
    days        INTEGER NOT NULL,    -- from stated_on to recorded_on; negative: it lies ahead
    PRIMARY KEY (recorded_on, event_index, field)
) WITHOUT ROWID;

-- The history of each subject: the events on it, and those on others that change it. A replacement
-- is about both certificates; an arrival or detention under a closed certificate is about the
-- certificate and the case that it opens; a recovery about each key, office, allotment, policy and
-- report that it puts back; the closing of an office about its keys.
CREATE TABLE event_subjects (
    subject     TEXT NOT NULL,
    event_index INTEGER NOT NULL,
    PRIMARY KEY (subject, event_index)
) WITHOUT ROWID;

-- Public keys that have signed, by a short number.
CREATE TABLE signers (
    signer INTEGER PRIMARY KEY,
    key    BLOB NOT NULL UNIQUE
);

-- Which key signed which events.
CREATE TABLE signatures (
    signer      INTEGER NOT NULL,
    event_index INTEGER NOT NULL,
    PRIMARY KEY (signer, event_index)
) WITHOUT ROWID;

-- ------------------------------------------------------------------------------ who takes part

-- Who takes part.
CREATE TABLE participants (
    participant        TEXT NOT NULL,  -- code, such as BW
    name               TEXT NOT NULL,
    kind               TEXT NOT NULL,
    authority_count    INTEGER NOT NULL,
    statistics_offices INTEGER NOT NULL,
    event_index        INTEGER,
    known_from         INTEGER NOT NULL,
    known_until        INTEGER
);

-- Countries whose stones and trade are those of a participant of another code.
CREATE TABLE territories (
    territory   TEXT NOT NULL PRIMARY KEY,
    participant TEXT NOT NULL
) WITHOUT ROWID;

-- Every standing a participant was given, in ledger order: of those in effect at an instant and
-- not lapsed, the one with the highest position counts.
CREATE TABLE standings (
    participant    TEXT NOT NULL,
    position       INTEGER NOT NULL,   -- 0, 1, ... in ledger order
    status         TEXT NOT NULL,
    effective_from INTEGER NOT NULL,
    lapses_at      INTEGER,            -- interim: when it ends unless ratified
    decision       TEXT NOT NULL,
    event_id       BLOB,               -- the event that set it; NULL for the genesis file's
    event_index    INTEGER,
    known_from     INTEGER NOT NULL,
    known_until    INTEGER
);

-- Offices of participants, and the scheme's own and its observers under KPCS.
CREATE TABLE offices (
    participant TEXT NOT NULL,
    authority   TEXT NOT NULL,
    title       TEXT NOT NULL,
    place       TEXT NOT NULL,
    contact     TEXT NOT NULL,
    roles       TEXT NOT NULL,         -- with commas
    territory   TEXT,
    observer    TEXT,                  -- of an observer: what kind
    closed_at   INTEGER,
    event_index INTEGER,
    known_from  INTEGER NOT NULL,
    known_until INTEGER
);

-- Signing keys, and from when until when their signatures count.
CREATE TABLE keys (
    key           BLOB NOT NULL,
    participant   TEXT NOT NULL,
    authority     TEXT NOT NULL,
    officer       TEXT,
    valid_from    INTEGER NOT NULL,
    revoked_at    INTEGER,
    reason        TEXT,
    suspect_since INTEGER,             -- its signatures may be somebody else's since
    event_index   INTEGER,
    known_from    INTEGER NOT NULL,
    known_until   INTEGER
);

-- That the keys of a participant, or of the Chair under KPCS, were set anew after theft or loss.
CREATE TABLE recoveries (
    participant    TEXT NOT NULL,
    event_id       BLOB NOT NULL,
    recovered_at   INTEGER NOT NULL,   -- block time
    suspect_height INTEGER,            -- the block from which what its keys signed is suspect
    event_index    INTEGER NOT NULL,
    known_from     INTEGER NOT NULL,
    known_until    INTEGER
);

-- Runs of certificate numbers, and the office that may issue each.
CREATE TABLE number_ranges (
    participant TEXT NOT NULL,
    position    INTEGER NOT NULL,      -- 0, 1, ... in the order of allotment
    authority   TEXT NOT NULL,
    prefix      TEXT NOT NULL,
    width       INTEGER NOT NULL,      -- digits after the prefix
    first       INTEGER NOT NULL,
    last        INTEGER NOT NULL,
    use_from    TEXT NOT NULL,
    use_until   TEXT NOT NULL,
    retired_at  INTEGER,
    event_index INTEGER,
    known_from  INTEGER NOT NULL,
    known_until INTEGER
);

-- What a participant's certificates look like.
CREATE TABLE formats (
    participant TEXT NOT NULL,
    position    INTEGER NOT NULL,
    masks       TEXT NOT NULL,         -- with commas
    specimen    BLOB NOT NULL,         -- SHA-256 of the specimen
    features    TEXT NOT NULL,
    valid_from  INTEGER NOT NULL,
    event_index INTEGER,
    known_from  INTEGER NOT NULL,
    known_until INTEGER
);

-- Restrictions on trade; one holds from effective_from until the earlier of effective_until and
-- lapses_at.
CREATE TABLE restrictions (
    participant     TEXT NOT NULL,     -- whom it restricts
    position        INTEGER NOT NULL,
    restriction     TEXT NOT NULL,
    scope           TEXT NOT NULL,     -- EXPORT, IMPORT or ORIGIN
    mode            TEXT NOT NULL,
    zones           TEXT NOT NULL,     -- allowed zones, with commas
    operations      TEXT NOT NULL,     -- those that it is about, with commas; empty: all
    approver        TEXT,              -- participant/authority
    effective_from  INTEGER NOT NULL,
    effective_until INTEGER,
    lapses_at       INTEGER,
    decision        TEXT NOT NULL,
    event_id        BLOB NOT NULL,     -- the event that set it
    event_index     INTEGER,
    known_from      INTEGER NOT NULL,
    known_until     INTEGER
);

-- What the approver of a restriction said to a shipment; the newest word counts.
CREATE TABLE approvals (
    number            TEXT NOT NULL,
    participant       TEXT NOT NULL,   -- of the restriction
    restriction       TEXT NOT NULL,
    approved          INTEGER NOT NULL,
    carat_thousandths INTEGER NOT NULL,
    event_index       INTEGER,
    known_from        INTEGER NOT NULL,
    known_until       INTEGER
);

-- ------------------------------------------------------------------------------ how it is governed

-- What the scheme leaves open, as settled; the newest in effect counts for each value.
CREATE TABLE policies (
    participant    TEXT NOT NULL,      -- '' for the whole network
    position       INTEGER NOT NULL,
    effective_from INTEGER NOT NULL,
    decision       TEXT,
    settled        TEXT NOT NULL,      -- JSON object of what it settles
    event_index    INTEGER,
    known_from     INTEGER NOT NULL,
    known_until    INTEGER
);

-- Decisions of the scheme.
CREATE TABLE decisions (
    decision    TEXT NOT NULL,
    title       TEXT NOT NULL,
    document    BLOB NOT NULL,
    procedure   TEXT NOT NULL,
    decided_on  TEXT NOT NULL,
    supports    TEXT NOT NULL,         -- on the Chair's word, with commas; who signed: positions
    event_index INTEGER,
    known_from  INTEGER NOT NULL,
    known_until INTEGER
);

-- What participants signed about decisions: the newest word of each.
CREATE TABLE positions (
    decision    TEXT NOT NULL,
    participant TEXT NOT NULL,
    stance      TEXT NOT NULL,         -- SUPPORT, OBJECTION or WITHDRAWN
    document    BLOB NOT NULL,         -- the text that it means
    event_id    BLOB NOT NULL,         -- the event by which it said so
    event_index INTEGER,
    known_from  INTEGER NOT NULL,
    known_until INTEGER
);

-- Who presided; chair is NULL before the first hand-over on this ledger.
CREATE TABLE presidencies (
    chair       TEXT,
    vice_chair  TEXT,
    year        INTEGER,
    key         BLOB NOT NULL,
    event_index INTEGER,
    known_from  INTEGER NOT NULL,
    known_until INTEGER
);

-- Versions of the rules.
CREATE TABLE rule_versions (
    version     INTEGER NOT NULL,
    height      INTEGER NOT NULL,      -- the first block it holds for
    event_index INTEGER,
    known_from  INTEGER NOT NULL,
    known_until INTEGER
);

-- Working groups and committees.
CREATE TABLE bodies (
    name        TEXT NOT NULL,
    title       TEXT NOT NULL,
    kind        TEXT NOT NULL,
    chair       TEXT NOT NULL,
    members     TEXT NOT NULL,         -- with commas
    observers   TEXT NOT NULL,         -- with commas
    dissolved   INTEGER NOT NULL,
    event_index INTEGER,
    known_from  INTEGER NOT NULL,
    known_until INTEGER
);

-- Reviews, meetings, concerns, questions about statistics, suspect certificates.
CREATE TABLE proceedings (
    subject     TEXT NOT NULL,
    kind        TEXT NOT NULL,
    state       TEXT NOT NULL,
    participant TEXT NOT NULL,         -- whom it concerns
    opened_by   TEXT NOT NULL,
    opened_at   INTEGER NOT NULL,
    title       TEXT NOT NULL,
    due_on      TEXT,                  -- when its next step is due
    event_index INTEGER,
    known_from  INTEGER NOT NULL,
    known_until INTEGER
);

-- Recommendations of reviews, and how far they were followed.
CREATE TABLE recommendations (
    subject     TEXT NOT NULL,         -- the review
    name        TEXT NOT NULL,
    due_on      TEXT,
    status      TEXT NOT NULL,
    event_index INTEGER,
    known_from  INTEGER NOT NULL,
    known_until INTEGER
);

-- Annual reports, each edition.
CREATE TABLE reports (
    participant TEXT NOT NULL,
    year        INTEGER NOT NULL,
    edition     INTEGER NOT NULL,      -- 1, 2, ...
    document    BLOB NOT NULL,
    filed_at    INTEGER NOT NULL,
    event_index INTEGER,
    known_from  INTEGER NOT NULL,
    known_until INTEGER
);

-- Which events were corrected, and by which.
CREATE TABLE corrections (
    event_id    BLOB NOT NULL,         -- the corrected event
    correction  BLOB NOT NULL,         -- the event that corrects it
    position    INTEGER NOT NULL,
    event_index INTEGER,
    known_from  INTEGER NOT NULL,
    known_until INTEGER
);

-- Which officers signed an event after it had been recorded.
CREATE TABLE countersignatures (
    event_id         BLOB NOT NULL,    -- the event that they signed
    key              BLOB NOT NULL,    -- theirs
    countersigned_by BLOB NOT NULL,    -- the event by which they did
    position         INTEGER NOT NULL,
    event_index      INTEGER,
    known_from       INTEGER NOT NULL,
    known_until      INTEGER
);

-- Shipments without a certificate of their own.
CREATE TABLE cases (
    subject           TEXT NOT NULL,   -- BW00000042/1, or ZW/case/2026-1
    kind              TEXT NOT NULL,
    state             TEXT NOT NULL,
    number            TEXT,            -- the certificate it was presented under
    holder            TEXT NOT NULL,
    returned_to       TEXT,
    carat_thousandths INTEGER,
    opened_at         INTEGER NOT NULL,
    event_index       INTEGER,
    known_from        INTEGER NOT NULL,
    known_until       INTEGER
);

-- ------------------------------------------------------------------------------ submitted statistics

-- Every edition of submitted statistics; the highest one known counts. Figures that its series
-- does not have are 0.
CREATE TABLE editions (
    participant                  TEXT NOT NULL,
    series                       TEXT NOT NULL,  -- TRADE, PRODUCTION or COUNTS
    period                       TEXT NOT NULL,  -- 2026Q1, or 2026H1 for production
    edition                      INTEGER NOT NULL,
    event_index                  INTEGER NOT NULL,
    recorded_at                  INTEGER NOT NULL,
    recorded_on                  TEXT NOT NULL,
    export_carat_thousandths     INTEGER NOT NULL,
    export_value_usd_cents       INTEGER NOT NULL,
    import_carat_thousandths     INTEGER NOT NULL,
    import_value_usd_cents       INTEGER NOT NULL,
    production_carat_thousandths INTEGER NOT NULL,
    production_value_usd_cents   INTEGER NOT NULL,
    issued                       INTEGER NOT NULL,  -- certificates
    received                     INTEGER NOT NULL,
    restated_ppm                 INTEGER,           -- largest change of a figure against the edition
                                                    -- before, in millionths; NULL for the first
    PRIMARY KEY (series, period, participant, edition)
) WITHOUT ROWID;

-- The rows of those editions; trade has flow, origin and hs, counts have issued and received.
CREATE TABLE edition_rows (
    participant       TEXT NOT NULL,
    series            TEXT NOT NULL,
    period            TEXT NOT NULL,
    edition           INTEGER NOT NULL,
    row               INTEGER NOT NULL,
    flow              TEXT,               -- EXPORT or IMPORT
    partner           TEXT NOT NULL,
    origin            TEXT,               -- '' for mixed or unknown
    hs                TEXT,
    carat_thousandths INTEGER NOT NULL,
    value_usd_cents   INTEGER NOT NULL,
    issued            INTEGER NOT NULL,
    received          INTEGER NOT NULL,
    PRIMARY KEY (series, period, participant, edition, row)
) WITHOUT ROWID;

-- The reference periods of the scheme and when their figures are due: statistics two months after
-- their quarter or half-year (KPCS Annex III), annual reports by 31 March.
CREATE TABLE periods (
    period    TEXT NOT NULL PRIMARY KEY,  -- 2026Q1, 2026H1, 2026
    first_day TEXT NOT NULL,
    last_day  TEXT NOT NULL,
    due_on    TEXT NOT NULL
) WITHOUT ROWID;

WITH RECURSIVE quarters (first_day) AS (
    VALUES ('1990-01-01')
    UNION ALL
    SELECT date(first_day, '+3 months') FROM quarters WHERE first_day < '2110-10-01'
)
INSERT INTO periods
SELECT substr(first_day, 1, 4) || 'Q' || ((substr(first_day, 6, 2) + 2) / 3), first_day,
       date(first_day, '+3 months', '-1 day'), date(first_day, '+5 months', '-1 day')
FROM quarters
UNION ALL
SELECT substr(first_day, 1, 4) || 'H' || ((substr(first_day, 6, 2) + 5) / 6), first_day,
       date(first_day, '+6 months', '-1 day'), date(first_day, '+8 months', '-1 day')
FROM quarters WHERE substr(first_day, 6, 2) IN ('01', '07')
UNION ALL
SELECT substr(first_day, 1, 4), first_day,
       date(first_day, '+12 months', '-1 day'), date(first_day, '+15 months', '-1 day')
FROM quarters WHERE substr(first_day, 6, 2) = '01';

-- ------------------------------------------------------------------------------ certificates

-- Every certificate: what it says now and where it stands now.
CREATE TABLE certificates (
    issue                   INTEGER PRIMARY KEY,  -- event_index of its issue
    number                  TEXT NOT NULL UNIQUE,
    kind                    TEXT NOT NULL,        -- NORMAL or TECHNICAL
    state                   TEXT NOT NULL,
    marks                   TEXT NOT NULL,        -- remarkable things, with commas
    issuer                  TEXT NOT NULL,
    authority               TEXT NOT NULL,
    destination             TEXT NOT NULL,
    issued_on               TEXT NOT NULL,
    quarter                 TEXT NOT NULL,        -- of issued_on
    recorded_at             INTEGER NOT NULL,     -- of its issue
    expires_on              TEXT NOT NULL,
    expiry                  TEXT NOT NULL,        -- what expiry means: JOURNEY or EXPORT_BY
    exporter_name           TEXT NOT NULL,
    exporter_licence        TEXT NOT NULL,
    importer_name           TEXT NOT NULL,
    importer_licence        TEXT NOT NULL,
    origins                 TEXT NOT NULL,        -- countries, with commas; '' where it names none
    origin                  TEXT NOT NULL,        -- the one country; '' where there are several or none
    zones                   TEXT NOT NULL,        -- with commas
    parcels                 INTEGER NOT NULL,
    carat_thousandths       INTEGER NOT NULL,     -- as declared
    value_usd_cents         INTEGER NOT NULL,
    case_subject            TEXT,                 -- TECHNICAL: whose goods it moves
    replaces                TEXT,
    replaced_by             TEXT,
    validated               INTEGER NOT NULL,     -- 0: not yet
    exported_on             TEXT,
    notice                  INTEGER,              -- event of the notice of export
    arrived_on              TEXT,
    held_on                 TEXT,                 -- the day on which the destination detained it
                                                  -- before any arrival was recorded
    there_on                TEXT,                 -- since when the destination has the goods
    arrival                 INTEGER,              -- event of arrived_on or held_on
    prior                   TEXT,                 -- the state before it was lost or detained
    lost                    INTEGER NOT NULL,     -- reported lost and not found
    diverted                INTEGER NOT NULL,
    holder                  TEXT,                 -- who has the goods before it
    found_parcels           INTEGER,              -- as confirmed, or agreed on afterwards
    found_carat_thousandths INTEGER,
    found_value_usd_cents   INTEGER,
    received_on             TEXT,
    ended                   TEXT,                 -- type of the event that ended its life
    ending                  INTEGER,              -- that event
    withdrawn               INTEGER NOT NULL,     -- voided, replaced or returned unused
    held                    INTEGER NOT NULL,     -- detained, sent back or seized, and neither
                                                  -- released nor confirmed
    unsettled               INTEGER NOT NULL,     -- a normal one without an answer, or found with
                                                  -- another weight than declared
    claims                  INTEGER NOT NULL,     -- what it draws from its sources counts: it was not
                                                  -- withdrawn, nor did its goods come back, nor is
                                                  -- it lost without them
    waits                   TEXT,                 -- NEWS of the goods, CONFIRMATION, or NULL
    waits_since             TEXT,                 -- expires_on or there_on
    head                    INTEGER NOT NULL,     -- its newest event
    officers                TEXT NOT NULL,        -- who signed its issue: office/officer, or digits of
                                                  -- the key of one without a name; with commas
    -- Worked out at its issue, and NULL where there is nothing to say; but for the first two of
    -- normal ones only.
    higher                  INTEGER,              -- certificate with a higher number of the same
                                                  -- range, issued before
    days_after_higher       INTEGER,              -- from its day of issue; at least 1
    earlier                 INTEGER,              -- the shipment of the same weight that came the
                                                  -- other way, at most 365 days before
    days_after_earlier      INTEGER,
    sourced_price           INTEGER,              -- US cents per carat of what it draws from its
                                                  -- sources, priced as they were then
    sourced_change_ppm      INTEGER,              -- its own price against that, in millionths
    sourced_days            INTEGER,              -- since the last of the sources came in; negative
                                                  -- if that was later
    sourced_percent         INTEGER,              -- of the sources' weight that it draws
    drawn_carat_thousandths INTEGER,              -- from all of its sources that are known
    watched_origins         TEXT,                 -- origins on the Chair's list then: 'CD, CF'
    watched_neighbours      TEXT                  -- if none: origins beside one of the list
);

-- Its goods by HS code.
CREATE TABLE certificate_lines (
    certificate       INTEGER NOT NULL,
    line              INTEGER NOT NULL,          -- 0, 1, 2
    hs                TEXT NOT NULL,
    carat_thousandths INTEGER NOT NULL,
    value_usd_cents   INTEGER NOT NULL,
    year              TEXT NOT NULL,             -- of issued_on
    issuer            TEXT NOT NULL,
    origin            TEXT NOT NULL,             -- as certificates.origin
    destination       TEXT NOT NULL,
    price_step        INTEGER,                   -- 32 times the binary logarithm of thousandths of
                                                 -- a cent per carat; NULL for technical ones and
                                                 -- once the certificate was withdrawn
    PRIMARY KEY (certificate, line)
) WITHOUT ROWID;

-- The countries of origin of each certificate.
CREATE TABLE certificate_origins (
    origin      TEXT NOT NULL,
    issued_on   TEXT NOT NULL,
    certificate INTEGER NOT NULL,
    share       INTEGER,                         -- ten-thousandths of the weight; NULL if not said
    PRIMARY KEY (origin, issued_on, certificate)
) WITHOUT ROWID;

-- The earlier certificates under which the goods of a re-export came in.
CREATE TABLE certificate_sources (
    source            TEXT NOT NULL,             -- number of the earlier one
    certificate       INTEGER NOT NULL,          -- the one that names it
    position          INTEGER NOT NULL,          -- 0, 1, ... in its own list
    carat_thousandths INTEGER NOT NULL,          -- how much is drawn
    fault             TEXT,                      -- why it is not drawn rightly, as known now; NULL:
                                                 -- nothing is wrong. NEVER issued, LATER: issued
                                                 -- only afterwards, ELSEWHERE: sent to somebody else,
                                                 -- TECHNICAL, NOT_IMPORTED, EARLY: before it came in,
                                                 -- MORE than is left, other ORIGIN, other CLASS
    PRIMARY KEY (source, certificate)
) WITHOUT ROWID;

-- What happened to certificates after their issue; one row for each event that moves one.
CREATE TABLE movements (
    event_index       INTEGER PRIMARY KEY,
    certificate       INTEGER NOT NULL,
    move              TEXT NOT NULL,     -- VALIDATED (by a step of its own), WITHDRAWN (voided,
                                         -- replaced or returned unused), EXPORTED (announced),
                                         -- ARRIVED, CONFIRMED (within the tolerance), DISCREPANT
                                         -- (confirmed otherwise), RESOLVED (agreed on afterwards, or
                                         -- the discrepancy withdrawn), HELD (detained, diverted,
                                         -- sent back or seized), RELEASED, AGAIN (presented once
                                         -- more after its life was over), PASSED (noted in a
                                         -- country of transit), RETURNED (the issuer has the goods
                                         -- back)
    participant       TEXT NOT NULL,     -- who did it
    issuer            TEXT NOT NULL,     -- of the certificate, as the next
    destination       TEXT NOT NULL,
    recorded_at       INTEGER NOT NULL,
    recorded_on       TEXT NOT NULL,
    day               TEXT,              -- stated: of export, arrival or receipt
    -- CONFIRMED, DISCREPANT, RESOLVED:
    carat_thousandths INTEGER,           -- as found or agreed on
    value_usd_cents   INTEGER,
    weight_ppm        INTEGER,           -- difference to what was declared, in millionths of it
    value_ppm         INTEGER,
    price_ppm         INTEGER,           -- DISCREPANT: difference of the value per carat, in
                                         -- millionths of that found
    working_days      INTEGER,           -- CONFIRMED, DISCREPANT: Monday to Friday, from arrival
                                         -- (or receipt) to recording
    days_allowed      INTEGER,           -- the destination's limit for that then
    -- ARRIVED, CONFIRMED, DISCREPANT:
    days_expired      INTEGER,           -- how long after expires_on the goods moved; at least 1.
                                         -- Once for each certificate that is valid for the journey
    moved_on          TEXT,              -- the day that decides it
    unannounced       INTEGER,           -- 1: no notice of export, though its issuer is expected to
                                         -- give one; seen at the arrival, or else the confirmation
    -- ARRIVED, AGAIN, PASSED, HELD, RETURNED, DISCREPANT:
    seals_broken      INTEGER,           -- 1: the containers were not closed
    contents          TEXT,              -- what was not as declared: CONTENTS (an officer says so),
                                         -- PARCELS (their number), WEIGHT (beyond the tolerance, but
                                         -- for DISCREPANT)
    -- The move by which it was first presented (ARRIVED, HELD at the destination, confirmed):
    issuer_standing   TEXT,              -- of its issuer then, or all of the day that is stated or
                                         -- on which it left, if not ACTIVE
    destination_standing TEXT            -- of its destination then, or all of the day that is
                                         -- stated, if not ACTIVE
);

-- Seals and photographs, which should be on one certificate alone.
CREATE TABLE marks (
    kind          TEXT NOT NULL,         -- SEAL or PHOTO
    scope         TEXT NOT NULL,         -- issuer, for seals of plain digits; '' for all others
    mark          TEXT NOT NULL,
    event_index   INTEGER NOT NULL,      -- issue or validation that put it on the certificate
    certificate   INTEGER NOT NULL,
    day           TEXT NOT NULL,         -- of issue; of recording where a validation put it there
    earlier       INTEGER,               -- the certificate that had it already
    earlier_event INTEGER,               -- the event that put it there
    first         INTEGER NOT NULL,      -- 1: the first mark of this event that was used before
    PRIMARY KEY (kind, scope, mark, event_index)
) WITHOUT ROWID;

-- Reports of suspect certificates, by what the ledger knew of the number then.
CREATE TABLE suspects (
    event_index    INTEGER PRIMARY KEY,
    recorded_on    TEXT NOT NULL,
    subject        TEXT NOT NULL,        -- the proceeding
    number         TEXT NOT NULL,        -- as claimed: letters, digits and hyphens of it
    claimed_issuer TEXT NOT NULL,
    claimed_issue  TEXT,                 -- the day on the paper
    reporter       TEXT NOT NULL,
    finding        TEXT NOT NULL,        -- NEVER issued; OUTSIDE every range of its issuer; YEAR: in
                                         -- a range that was not in use on that day; ENDED: its life
                                         -- was over; IN_FORCE
    certificate    INTEGER,              -- ENDED, IN_FORCE
    use_from       TEXT,                 -- YEAR: when the range was for use
    use_until      TEXT
);

-- Runs of serial numbers that were used, for each prefix and number of digits.
CREATE TABLE number_intervals (
    prefix      TEXT NOT NULL,
    width       INTEGER NOT NULL,
    first       INTEGER NOT NULL,
    last        INTEGER NOT NULL,
    certificate INTEGER NOT NULL,        -- the one with the first number
    PRIMARY KEY (prefix, width, first)
) WITHOUT ROWID;

-- The highest serial number that was used in each allotted range.
CREATE TABLE number_tops (
    prefix      TEXT NOT NULL,
    width       INTEGER NOT NULL,
    first       INTEGER NOT NULL,        -- of the range; 0 for numbers outside of all
    serial      INTEGER NOT NULL,
    certificate INTEGER NOT NULL,
    PRIMARY KEY (prefix, width, first)
) WITHOUT ROWID;

-- ------------------------------------------------------------------------------ the trade

-- What KPCS Annex III counts: a row for each line of a normal certificate and each side. Exports
-- count from validation, in the quarter of issue; imports from confirmation, in the quarter of
-- receipt, as found.
CREATE TABLE trade (
    reporter          TEXT NOT NULL,
    quarter           TEXT NOT NULL,
    flow              TEXT NOT NULL,     -- EXPORT or IMPORT
    partner           TEXT NOT NULL,
    origin            TEXT NOT NULL,     -- '' for mixed
    hs                TEXT NOT NULL,
    certificate       INTEGER NOT NULL,
    line              INTEGER NOT NULL,
    event_index       INTEGER NOT NULL,  -- the event by which it counts
    known_from        INTEGER NOT NULL,
    known_until       INTEGER,
    day               TEXT NOT NULL,     -- of issue or receipt
    carat_thousandths INTEGER NOT NULL,
    value_usd_cents   INTEGER NOT NULL,
    certificates      INTEGER NOT NULL,  -- 1 in the first line, 0 in the others
    PRIMARY KEY (reporter, quarter, flow, partner, origin, hs, certificate, line, event_index)
) WITHOUT ROWID;

-- The same added up: by how much a reporter's totals changed on each day of recording.
CREATE TABLE trade_totals (
    quarter           TEXT NOT NULL,
    flow              TEXT NOT NULL,
    reporter          TEXT NOT NULL,
    known_on          TEXT NOT NULL,     -- the day of recording
    carat_thousandths INTEGER NOT NULL,
    value_usd_cents   INTEGER NOT NULL,
    certificates      INTEGER NOT NULL,
    PRIMARY KEY (quarter, flow, reporter, known_on)
) WITHOUT ROWID;

-- For each quarter, issuer and destination: what was declared and what became of it. By the quarter
-- of issue, so that each certificate is compared with its own confirmation; received_* by the
-- quarter of receipt. Normal certificates only, withdrawn ones taken out.
CREATE TABLE pairs (
    quarter                    TEXT NOT NULL,
    issuer                     TEXT NOT NULL,
    destination                TEXT NOT NULL,
    declared                   INTEGER NOT NULL,  -- certificates
    declared_carat_thousandths INTEGER NOT NULL,
    declared_value_usd_cents   INTEGER NOT NULL,
    settled                    INTEGER NOT NULL,  -- confirmed, as declared
    settled_carat_thousandths  INTEGER NOT NULL,
    settled_value_usd_cents    INTEGER NOT NULL,
    found                      INTEGER NOT NULL,  -- the same, as found or agreed on
    found_carat_thousandths    INTEGER NOT NULL,
    found_value_usd_cents      INTEGER NOT NULL,
    held                       INTEGER NOT NULL,  -- as declared
    held_carat_thousandths     INTEGER NOT NULL,
    held_value_usd_cents       INTEGER NOT NULL,
    received                   INTEGER NOT NULL,  -- as found, by the quarter of receipt
    received_carat_thousandths INTEGER NOT NULL,
    received_value_usd_cents   INTEGER NOT NULL,
    lighter                    INTEGER NOT NULL,  -- clean confirmations below what was declared
    heavier                    INTEGER NOT NULL,
    drift_carat_thousandths    INTEGER NOT NULL,  -- found less declared of these
    PRIMARY KEY (quarter, issuer, destination)
) WITHOUT ROWID;

-- What each participant exported and imported, by month and country of origin: exports by issue,
-- imports by receipt, normal certificates only, withdrawn ones taken out. One of several origins
-- counts in each, by its share; the stones of a territory are of its participant.
CREATE TABLE flows (
    participant              TEXT NOT NULL,
    month                    TEXT NOT NULL,
    origin                   TEXT NOT NULL,       -- GL is EU; '' where countries or shares are not known
    exports                  INTEGER NOT NULL,    -- certificates
    export_carat_thousandths INTEGER NOT NULL,
    export_value_usd_cents   INTEGER NOT NULL,
    imports                  INTEGER NOT NULL,
    import_carat_thousandths INTEGER NOT NULL,
    import_value_usd_cents   INTEGER NOT NULL,
    PRIMARY KEY (participant, month, origin)
) WITHOUT ROWID;

-- Which origins a participant ever received, alone or in mixed parcels; as in flows.
CREATE TABLE received_origins (
    participant TEXT NOT NULL,
    origin      TEXT NOT NULL,
    PRIMARY KEY (participant, origin)
) WITHOUT ROWID;

-- How many lines of certificates have a price of each step.
CREATE TABLE price_steps (
    year       TEXT NOT NULL,
    issuer     TEXT NOT NULL,
    origin     TEXT NOT NULL,
    hs         TEXT NOT NULL,
    price_step INTEGER NOT NULL,
    count      INTEGER NOT NULL,
    PRIMARY KEY (year, issuer, origin, hs, price_step)
) WITHOUT ROWID;

-- What is usual in each of those groups.
CREATE TABLE price_groups (
    year      TEXT NOT NULL,
    issuer    TEXT NOT NULL,
    origin    TEXT NOT NULL,
    hs        TEXT NOT NULL,
    count     INTEGER NOT NULL,
    median    INTEGER NOT NULL,          -- step of the median
    deviation INTEGER NOT NULL,          -- median distance from it, in steps; more where the prices
                                         -- lie in several heaps
    PRIMARY KEY (year, issuer, origin, hs)
) WITHOUT ROWID;

-- How the shipments of each officer, exporter, licence and importer fared, by year of issue and
-- issuer. Normal certificates only.
CREATE TABLE parties (
    year        TEXT NOT NULL,
    participant TEXT NOT NULL,         -- the issuer
    role        TEXT NOT NULL,         -- OFFICER, EXPORTER, LICENCE (the exporter's) or IMPORTER
    party       TEXT NOT NULL,         -- as certificates.officers, or the name or licence
    settled     INTEGER NOT NULL,      -- certificates that were confirmed, cleanly or not
    discrepant  INTEGER NOT NULL,      -- those of them that were not as declared
    PRIMARY KEY (year, participant, role, party)
) WITHOUT ROWID;

-- The prices of exporters and licences, for each origin and HS code: lines of certificates, withdrawn ones taken
-- out, and their steps as in price_steps.
CREATE TABLE party_prices (
    year        TEXT NOT NULL,
    participant TEXT NOT NULL,
    origin      TEXT NOT NULL,
    hs          TEXT NOT NULL,
    role        TEXT NOT NULL,
    party       TEXT NOT NULL,
    count       INTEGER NOT NULL,
    steps       INTEGER NOT NULL,      -- their sum
    squares     INTEGER NOT NULL,      -- the sum of their squares
    PRIMARY KEY (year, participant, origin, hs, role, party)
) WITHOUT ROWID;

-- What each participant imported by HS code, as found; and what it exported that is not of its own
-- origin, and names no source that the ledger knows. By year of receipt and of issue.
CREATE TABLE turnovers (
    year                     TEXT NOT NULL,
    participant              TEXT NOT NULL,
    hs                       TEXT NOT NULL,
    imports                  INTEGER NOT NULL,    -- lines of certificates
    import_carat_thousandths INTEGER NOT NULL,
    import_value_usd_cents   INTEGER NOT NULL,
    exports                  INTEGER NOT NULL,
    export_carat_thousandths INTEGER NOT NULL,
    export_value_usd_cents   INTEGER NOT NULL,
    PRIMARY KEY (year, participant, hs)
) WITHOUT ROWID;

-- ------------------------------------------------------------------------------ views

-- Certificates as people read them: carats and dollars, event ids in hexadecimal.
CREATE VIEW v_certificates AS
SELECT number, kind, state, issuer, certificates.authority, destination, issued_on, expires_on,
       origins, parcels,
       printf('%d.%03d', carat_thousandths / 1000, carat_thousandths % 1000) AS carats,
       printf('%d.%02d', value_usd_cents / 100, value_usd_cents % 100) AS usd,
       exported_on, arrived_on, received_on,
       printf('%d.%03d', found_carat_thousandths / 1000, found_carat_thousandths % 1000)
           AS found_carats,
       printf('%d.%02d', found_value_usd_cents / 100, found_value_usd_cents % 100) AS found_usd,
       exporter_name, importer_name, replaces, replaced_by, marks,
       lower(hex(issued.event_id)) AS issue_event
FROM certificates JOIN events AS issued ON issued.event_index = certificates.issue;

-- Events as people read them.
CREATE VIEW v_events AS
SELECT event_index, lower(hex(event_id)) AS event_id, height,
       strftime('%Y-%m-%dT%H:%M:%SZ', recorded_at / 1000, 'unixepoch') AS recorded, type,
       participant || '/' || authority AS author, subject, stated_on
FROM events;

-- Events that may be a thief's: signed, between the height that a recovery names and that recovery,
-- with a key that speaks for the participant itself, or one that was added since.
CREATE VIEW recovery_suspects AS
SELECT DISTINCT signatures.event_index, recoveries.participant, recoveries.suspect_height,
       recoveries.event_index AS recovery
FROM recoveries
CROSS JOIN keys ON keys.participant = recoveries.participant
JOIN signers ON signers.key = keys.key
JOIN signatures ON signatures.signer = signers.signer
JOIN events ON events.event_index = signatures.event_index
WHERE recoveries.known_until IS NULL AND events.height >= recoveries.suspect_height
  AND events.event_index < recoveries.event_index
  AND (keys.authority IN ('root', 'recovery', 'chair', 'secretariat') OR NOT EXISTS (
      SELECT 1 FROM keys AS earlier LEFT JOIN events AS adding USING (event_index)
      WHERE earlier.key = keys.key AND coalesce(adding.height, 0) < recoveries.suspect_height));

-- Events that were signed with a key which was revoked as compromised, since the day that the
-- revocation names; ever, if it names none.
CREATE VIEW revocation_suspects AS
SELECT signatures.event_index, keys.participant, keys.suspect_since,
       keys.event_index AS revocation
FROM signatures
JOIN signers ON signers.signer = signatures.signer
JOIN keys ON keys.key = signers.key
JOIN events ON events.event_index = signatures.event_index
WHERE keys.reason = 'COMPROMISED' AND keys.known_until IS NULL
  AND events.recorded_at >= coalesce(keys.suspect_since, 0)
  AND events.event_index <> keys.event_index;

-- Events that may be a thief's, for either reason; flag F16 says which.
CREATE VIEW suspect_events AS
SELECT event_index FROM recovery_suspects
UNION ALL
SELECT event_index FROM revocation_suspects;

-- What Annex III counts, as known now.
CREATE VIEW v_trade AS
SELECT reporter, trade.quarter, flow, partner, trade.origin, hs, day, certificates.number,
       trade.carat_thousandths, trade.value_usd_cents
FROM trade JOIN certificates ON certificates.issue = trade.certificate
WHERE trade.known_until IS NULL;

-- The newest edition of what each participant submitted.
CREATE VIEW newest_editions AS
SELECT *
FROM editions
WHERE edition = (
    SELECT max(edition) FROM editions AS others
    WHERE others.series = editions.series AND others.period = editions.period
      AND others.participant = editions.participant);

-- Certificates of which nobody has said anything since their issue: not those that moved the goods
-- of a refused shipment or of a case, where these came back.
CREATE VIEW unanswered AS
SELECT number, issue, issuer, destination, carat_thousandths, waits_since AS expires_on
FROM certificates
WHERE waits = 'NEWS'
  AND NOT (kind = 'TECHNICAL' AND (
      EXISTS (SELECT 1 FROM certificates AS refused
              WHERE refused.number = certificates.case_subject
                AND refused.state = 'RETURN_CLOSED')
      OR EXISTS (SELECT 1 FROM cases
                 WHERE cases.subject = certificates.case_subject AND cases.known_until IS NULL
                   AND cases.state = 'RETURN_CLOSED')));

-- What each participant has to file, and when it is due, whether it came or not: trade and counts of
-- each quarter, production of each half-year from whoever ever reported any, a report of each year.
-- It has to for periods in all of which it took part, from the beginning of trade on the ledger on.
CREATE VIEW filings_due AS
SELECT joined.participant, series.column1 AS series, periods.period, first_day, last_day, due_on
FROM (VALUES ('TRADE', 'Q'), ('COUNTS', 'Q'), ('PRODUCTION', 'H'), ('REPORT', '')) AS series
JOIN periods ON substr(periods.period, 5, 1) = series.column2
JOIN standings AS joined ON joined.position = 0 AND joined.known_until IS NULL
JOIN meta AS began ON began.key = 'first_issued_on'
JOIN meta AS now ON now.key = 'time_ms'
WHERE first_day >= date(joined.effective_from / 1000, 'unixepoch')
  AND CASE series.column1
      WHEN 'REPORT' THEN last_day >= iif(began.value <> '', began.value,
                                         date(now.value / 1000, 'unixepoch'))
      ELSE began.value <> '' AND first_day >= substr(began.value, 1, 7)
      END
  AND (series.column1 <> 'PRODUCTION' OR EXISTS (
      SELECT 1 FROM editions
      WHERE editions.participant = joined.participant AND editions.series = 'PRODUCTION'))
  AND (SELECT standings.status FROM standings
       WHERE standings.participant = joined.participant AND standings.known_until IS NULL
         AND standings.effective_from < strftime('%s', last_day, '+1 day') * 1000
         AND (standings.lapses_at IS NULL
              OR standings.lapses_at >= strftime('%s', last_day, '+1 day') * 1000)
       ORDER BY standings.position DESC LIMIT 1) IS NOT 'REMOVED';

-- What decisions rest on: how many participants signed for their very text.
CREATE VIEW signed_decisions AS
SELECT decisions.decision, iif(count(participant), count(participant) || ' signed',
                               'the Chair''s word') AS rests_on
FROM decisions
LEFT JOIN positions ON positions.decision = decisions.decision AND stance = 'SUPPORT'
     AND positions.document = decisions.document AND positions.known_until IS NULL
WHERE decisions.known_until IS NULL
GROUP BY decisions.decision;

-- Cases and proceedings that were opened by mistake, and withdrawn by whoever had opened them; and
-- what was withdrawn that had held up a certificate: a discrepancy, a diversion, a refusal, a seizure.
CREATE VIEW withdrawn_openings AS
SELECT first.event_index AS opening, last.event_index AS withdrawal, subject
FROM cases AS last JOIN cases AS first USING (subject)
WHERE last.state = 'WITHDRAWN' AND last.known_until IS NULL
UNION
SELECT first.event_index, last.event_index, subject
FROM proceedings AS last JOIN proceedings AS first USING (subject)
WHERE last.state = 'WITHDRAWN' AND last.known_until IS NULL
UNION
SELECT max(m.event_index), w.event_index, w.subject
FROM events AS w
CROSS JOIN certificates AS c ON c.number = w.subject
CROSS JOIN movements AS m ON m.certificate = c.issue AND m.event_index < w.event_index
 AND m.move IN ('DISCREPANT', 'HELD')
WHERE w.type = 'opening_withdrawn'
GROUP BY w.event_index;

-- ------------------------------------------------------------------------------ indexes

-- What the writer asks for; those for questions are in indexes.sql.
CREATE INDEX certificates_lane ON certificates (issuer, destination, carat_thousandths, issued_on)
    WHERE kind = 'NORMAL';
CREATE INDEX number_intervals_last ON number_intervals (prefix, width, last);
CREATE INDEX participants_key ON participants (participant);
CREATE INDEX standings_key ON standings (participant);
CREATE INDEX offices_key ON offices (participant, authority);
CREATE INDEX keys_key ON keys (key);
CREATE INDEX number_ranges_key ON number_ranges (participant);
CREATE INDEX formats_key ON formats (participant);
CREATE INDEX restrictions_key ON restrictions (participant);
CREATE INDEX approvals_key ON approvals (number);
CREATE INDEX policies_key ON policies (participant);
CREATE INDEX decisions_key ON decisions (decision);
CREATE INDEX positions_key ON positions (decision);
CREATE INDEX bodies_key ON bodies (name);
CREATE INDEX proceedings_key ON proceedings (subject);
CREATE INDEX recommendations_key ON recommendations (subject);
CREATE INDEX reports_key ON reports (participant);
CREATE INDEX corrections_key ON corrections (event_id);
CREATE INDEX countersignatures_key ON countersignatures (event_id);
CREATE INDEX cases_key ON cases (subject);
CREATE INDEX cases_withdrawn ON cases (subject) WHERE state = 'WITHDRAWN' AND known_until IS NULL;
CREATE INDEX proceedings_withdrawn ON proceedings (subject)
    WHERE state = 'WITHDRAWN' AND known_until IS NULL;
