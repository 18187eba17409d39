-- Objects, the deletions that followers must hear of, the audit log, and the counters of the store.
CREATE TABLE throughway_objects (
    kind       TEXT    NOT NULL,
    id         TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    document   TEXT    NOT NULL,
    revision   INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (kind, id),
    UNIQUE (kind, name)
) STRICT;
CREATE INDEX throughway_objects_revision ON throughway_objects (revision);

CREATE TABLE throughway_deletions (
    kind     TEXT    NOT NULL,
    id       TEXT    NOT NULL,
    revision INTEGER NOT NULL,
    PRIMARY KEY (kind, id)
) STRICT;
CREATE INDEX throughway_deletions_revision ON throughway_deletions (revision);

CREATE TABLE throughway_audit (
    sequence INTEGER PRIMARY KEY,
    at       INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    entry    TEXT    NOT NULL
) STRICT;

CREATE TABLE throughway_state (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    revision INTEGER NOT NULL,
    audited  INTEGER NOT NULL,
    canary   TEXT
) STRICT;
INSERT INTO throughway_state (one, revision, audited) VALUES (1, 0, 0);
