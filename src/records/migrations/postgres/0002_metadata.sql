-- Sums of an hour or a day for each value of the metadata that the settings name, by key and team.
-- `digest` is made of value, key and team.
CREATE TABLE throughway_record_metadata (
    span        BIGINT NOT NULL,
    at          BIGINT NOT NULL,
    name        TEXT   COLLATE "C" NOT NULL,
    digest      BYTEA  NOT NULL,
    value       TEXT   COLLATE "C" NOT NULL,
    key_id      TEXT   COLLATE "C",
    key_name    TEXT,
    team_id     TEXT   COLLATE "C",
    team_name   TEXT,
    requests    BIGINT NOT NULL,
    failed      BIGINT NOT NULL,
    attempts    BIGINT NOT NULL,
    unpriced    BIGINT NOT NULL,
    estimated   BIGINT NOT NULL,
    unknown     BIGINT NOT NULL,
    input       BIGINT NOT NULL,
    cache_read  BIGINT NOT NULL,
    cache_write BIGINT NOT NULL,
    output      BIGINT NOT NULL,
    reasoning   BIGINT NOT NULL,
    cost        BIGINT NOT NULL,
    PRIMARY KEY (span, at, name, digest)
);
