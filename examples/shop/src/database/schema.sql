CREATE TABLE products (
    id          INTEGER PRIMARY KEY,
    name        TEXT    NOT NULL,
    price_cents INTEGER NOT NULL CHECK (price_cents >= 0)
) STRICT;

CREATE TABLE users (
    id    INTEGER PRIMARY KEY,
    name  TEXT    NOT NULL,
    email TEXT    NOT NULL,
    score INTEGER NOT NULL
) STRICT;

CREATE INDEX users_by_score ON users (score DESC, id);

-- Without items, the cart was deleted. `seq` is the sequence number of the last write.
CREATE TABLE carts (
    user_id INTEGER PRIMARY KEY,
    items   TEXT,
    seq     INTEGER NOT NULL
) STRICT;

-- `seq` is the sequence number of the last view that was added.
CREATE TABLE product_views (
    product_id INTEGER PRIMARY KEY,
    views      INTEGER NOT NULL,
    seq        INTEGER NOT NULL
) STRICT;

CREATE TABLE countries (
    code TEXT PRIMARY KEY,
    name TEXT NOT NULL
) STRICT, WITHOUT ROWID;
