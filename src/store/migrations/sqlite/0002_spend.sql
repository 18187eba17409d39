-- What was spent of budgets, by window. It is no part of the objects, and has no revision.
CREATE TABLE throughway_spend (
    budget  TEXT    NOT NULL,
    start   INTEGER NOT NULL,
    whose   TEXT    NOT NULL,
    label   TEXT    NOT NULL,
    ends    INTEGER,
    spent   INTEGER NOT NULL,
    granted INTEGER NOT NULL,
    PRIMARY KEY (budget, start, whose)
) STRICT, WITHOUT ROWID;
CREATE INDEX throughway_spend_ends ON throughway_spend (ends);
