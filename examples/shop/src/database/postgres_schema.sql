CREATE TABLE products (
    id          BIGINT PRIMARY KEY,
    name        TEXT   NOT NULL,
    price_cents BIGINT NOT NULL CHECK (price_cents >= 0)
);

CREATE TABLE users (
    id    BIGINT PRIMARY KEY,
    name  TEXT   NOT NULL,
    email TEXT   NOT NULL,
    score BIGINT NOT NULL
);

CREATE INDEX users_by_score ON users (score DESC, id);

-- Without items, the cart was deleted. `seq` is the sequence number of the last write.
CREATE TABLE carts (
    user_id BIGINT PRIMARY KEY,
    items   TEXT,
    seq     BIGINT NOT NULL
);

-- `seq` is the sequence number of the last view that was added.
CREATE TABLE product_views (
    product_id BIGINT PRIMARY KEY,
    views      BIGINT NOT NULL,
    seq        BIGINT NOT NULL
);

CREATE TABLE countries (
    code TEXT PRIMARY KEY,
    name TEXT NOT NULL
);

CREATE TABLE shop_version AS SELECT 2::bigint AS version;
