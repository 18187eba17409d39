-- Records of requests, one row each, with what searches compare. `id` is a UUIDv7: old rows stand
-- together. The whole record is in `throughway_record_documents`, so that searches read little.
CREATE TABLE throughway_records (
    id         BLOB    NOT NULL PRIMARY KEY,
    key_id     TEXT,
    team_id    TEXT,
    route      TEXT    NOT NULL,
    route_name TEXT,
    origin     TEXT,
    provider   TEXT,
    model      TEXT,
    status     INTEGER NOT NULL,
    code       TEXT,
    outcome    TEXT    NOT NULL,
    failed     INTEGER NOT NULL,
    truncated  INTEGER NOT NULL,
    cache      TEXT    NOT NULL,
    cost       INTEGER,
    trace      INTEGER,
    metadata   TEXT,
    document   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX throughway_records_key ON throughway_records (key_id, id, failed)
    WHERE key_id IS NOT NULL;
CREATE INDEX throughway_records_model ON throughway_records (origin, model, id)
    WHERE model IS NOT NULL;
CREATE INDEX throughway_records_failed ON throughway_records (id, status, code, outcome)
    WHERE failed = 1;
CREATE INDEX throughway_records_trace ON throughway_records (trace, id)
    WHERE trace IS NOT NULL;

CREATE TABLE throughway_record_documents (
    sequence INTEGER PRIMARY KEY,
    document TEXT NOT NULL
) STRICT;

-- Sums of an hour or a day (`span` seconds from `at`), for each combination of the names that
-- `digest` is made of.
CREATE TABLE throughway_record_usage (
    span        INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    digest      BLOB    NOT NULL,
    key_id      TEXT,
    key_name    TEXT,
    team_id     TEXT,
    team_name   TEXT,
    origin      TEXT,
    provider    TEXT,
    model       TEXT,
    route       TEXT    NOT NULL,
    route_name  TEXT,
    outcome     TEXT    NOT NULL,
    requests    INTEGER NOT NULL,
    failed      INTEGER NOT NULL,
    attempts    INTEGER NOT NULL,
    unpriced    INTEGER NOT NULL,
    estimated   INTEGER NOT NULL,
    unknown     INTEGER NOT NULL,
    input       INTEGER NOT NULL,
    cache_read  INTEGER NOT NULL,
    cache_write INTEGER NOT NULL,
    output      INTEGER NOT NULL,
    reasoning   INTEGER NOT NULL,
    cost        INTEGER NOT NULL,
    latency     BLOB    NOT NULL,
    first_token BLOB    NOT NULL,
    PRIMARY KEY (span, at, digest)
) STRICT, WITHOUT ROWID;

-- Sums of an hour or a day for each value of the metadata that the settings name, by key and team.
-- `digest` is made of value, key and team.
CREATE TABLE throughway_record_metadata (
    span        INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    name        TEXT    NOT NULL,
    digest      BLOB    NOT NULL,
    value       TEXT    NOT NULL,
    key_id      TEXT,
    key_name    TEXT,
    team_id     TEXT,
    team_name   TEXT,
    requests    INTEGER NOT NULL,
    failed      INTEGER NOT NULL,
    attempts    INTEGER NOT NULL,
    unpriced    INTEGER NOT NULL,
    estimated   INTEGER NOT NULL,
    unknown     INTEGER NOT NULL,
    input       INTEGER NOT NULL,
    cache_read  INTEGER NOT NULL,
    cache_write INTEGER NOT NULL,
    output      INTEGER NOT NULL,
    reasoning   INTEGER NOT NULL,
    cost        INTEGER NOT NULL,
    PRIMARY KEY (span, at, name, digest)
) STRICT, WITHOUT ROWID;
