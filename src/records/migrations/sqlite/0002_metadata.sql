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
