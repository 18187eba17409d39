-- Records of requests, one row each. `id` is a UUIDv7, so a partition of a day is a range of ids;
-- the partitions are made and dropped by the program.
CREATE TABLE throughway_records (
    id         BYTEA    NOT NULL PRIMARY KEY,
    key_id     TEXT     COLLATE "C",
    team_id    TEXT     COLLATE "C",
    route      TEXT     COLLATE "C" NOT NULL,
    route_name TEXT     COLLATE "C",
    origin     TEXT     COLLATE "C",
    provider   TEXT     COLLATE "C",
    model      TEXT     COLLATE "C",
    status     BIGINT   NOT NULL,
    code       TEXT     COLLATE "C",
    outcome    TEXT     COLLATE "C" NOT NULL,
    failed     BIGINT   NOT NULL,
    truncated  BIGINT   NOT NULL,
    cache      TEXT     COLLATE "C" NOT NULL,
    cost       BIGINT,
    trace      BIGINT,
    metadata   TEXT,
    document   TEXT     NOT NULL
) PARTITION BY RANGE (id);
CREATE INDEX throughway_records_key ON throughway_records (key_id, id, failed)
    WHERE key_id IS NOT NULL;
CREATE INDEX throughway_records_model ON throughway_records (origin, model, id)
    WHERE model IS NOT NULL;
CREATE INDEX throughway_records_failed ON throughway_records (id) WHERE failed = 1;
CREATE INDEX throughway_records_trace ON throughway_records (trace, id)
    WHERE trace IS NOT NULL;

-- Sums of an hour or a day (`span` seconds from `at`), for each combination of the names that
-- `digest` is made of.
CREATE TABLE throughway_record_usage (
    span        BIGINT NOT NULL,
    at          BIGINT NOT NULL,
    digest      BYTEA  NOT NULL,
    key_id      TEXT   COLLATE "C",
    key_name    TEXT,
    team_id     TEXT   COLLATE "C",
    team_name   TEXT,
    origin      TEXT   COLLATE "C",
    provider    TEXT   COLLATE "C",
    model       TEXT   COLLATE "C",
    route       TEXT   COLLATE "C" NOT NULL,
    route_name  TEXT   COLLATE "C",
    outcome     TEXT   COLLATE "C" NOT NULL,
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
    latency     BYTEA  NOT NULL,
    first_token BYTEA  NOT NULL,
    PRIMARY KEY (span, at, digest)
);

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
