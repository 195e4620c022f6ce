CREATE TABLE IF NOT EXISTS spreadsheet (
    id TEXT PRIMARY KEY,
    created_ms INTEGER NOT NULL
);
-- A whole workbook is a delta from nothing; the later ones are applied to it in the order of their numbers.
CREATE TABLE IF NOT EXISTS delta (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    spreadsheet TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS delta_of_spreadsheet ON delta (spreadsheet, number);
CREATE TABLE IF NOT EXISTS kept (
    name TEXT PRIMARY KEY,
    body BLOB NOT NULL
);
