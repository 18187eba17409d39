-- What was spent of budgets, by window. It is no part of the objects, and has no revision.
CREATE TABLE throughway_spend (
    budget  TEXT   NOT NULL,
    start   BIGINT NOT NULL,
    whose   TEXT   NOT NULL,
    label   TEXT   NOT NULL,
    ends    BIGINT,
    spent   BIGINT NOT NULL,
    granted BIGINT NOT NULL,
    PRIMARY KEY (budget, start, whose)
);
CREATE INDEX throughway_spend_ends ON throughway_spend (ends);
