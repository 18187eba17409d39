-- Objects, the deletions that followers must hear of, the audit log, and the counters of the store.
CREATE TABLE throughway_objects (
    kind       TEXT   NOT NULL,
    id         TEXT   NOT NULL,
    name       TEXT   NOT NULL,
    document   TEXT   NOT NULL,
    revision   BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (kind, id),
    UNIQUE (kind, name)
);
CREATE INDEX throughway_objects_revision ON throughway_objects (revision);

CREATE TABLE throughway_deletions (
    kind     TEXT   NOT NULL,
    id       TEXT   NOT NULL,
    revision BIGINT NOT NULL,
    PRIMARY KEY (kind, id)
);
CREATE INDEX throughway_deletions_revision ON throughway_deletions (revision);

CREATE TABLE throughway_audit (
    sequence BIGINT PRIMARY KEY,
    at       BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    entry    TEXT   NOT NULL
);

CREATE TABLE throughway_state (
    one      BIGINT PRIMARY KEY CHECK (one = 1),
    revision BIGINT NOT NULL,
    audited  BIGINT NOT NULL,
    canary   TEXT
);
INSERT INTO throughway_state (one, revision, audited) VALUES (1, 0, 0);
