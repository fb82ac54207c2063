// The tables and views of a day's file. STORE.md is the page for readers; a change raises schema_version.
#pragma once

namespace of::storage {

inline constexpr int schema_version = 1;

inline constexpr const char* schema_sql = R"sql(
CREATE TABLE IF NOT EXISTS symbols(
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
    trades INTEGER NOT NULL DEFAULT 0, agg_trades INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE TABLE IF NOT EXISTS trades(
    symbol_id INTEGER NOT NULL, trade_id INTEGER NOT NULL, price_e8 INTEGER NOT NULL, quantity_e8 INTEGER NOT NULL,
    trade_ns INTEGER NOT NULL, event_ns INTEGER NOT NULL, receive_ns INTEGER NOT NULL,
    buyer_is_maker INTEGER NOT NULL, repaired INTEGER NOT NULL, correlation INTEGER NOT NULL,
    PRIMARY KEY(symbol_id, trade_id)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS agg_trades(
    symbol_id INTEGER NOT NULL, agg_id INTEGER NOT NULL, first_id INTEGER NOT NULL, last_id INTEGER NOT NULL,
    price_e8 INTEGER NOT NULL, quantity_e8 INTEGER NOT NULL,
    trade_ns INTEGER NOT NULL, event_ns INTEGER NOT NULL, receive_ns INTEGER NOT NULL,
    buyer_is_maker INTEGER NOT NULL, repaired INTEGER NOT NULL, correlation INTEGER NOT NULL,
    PRIMARY KEY(symbol_id, agg_id)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS gaps(
    symbol_id INTEGER NOT NULL, kind TEXT NOT NULL, first_id INTEGER NOT NULL, last_id INTEGER NOT NULL,
    cause TEXT NOT NULL, detected_ns INTEGER NOT NULL, repaired INTEGER NOT NULL DEFAULT 0,
    finished_ns INTEGER, correlation INTEGER NOT NULL,
    PRIMARY KEY(symbol_id, kind, first_id, last_id)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS cursors(
    channel TEXT PRIMARY KEY, generation INTEGER NOT NULL, position INTEGER NOT NULL) STRICT, WITHOUT ROWID;

CREATE VIEW IF NOT EXISTS trades_text AS SELECT
    s.name AS symbol, trade_id, printf('%d.%08d', price_e8 / 100000000, price_e8 % 100000000) AS price,
    printf('%d.%08d', quantity_e8 / 100000000, quantity_e8 % 100000000) AS quantity,
    strftime('%Y-%m-%dT%H:%M:%S', trade_ns / 1000000000, 'unixepoch') || printf('.%06dZ', trade_ns / 1000 % 1000000) AS time,
    CASE buyer_is_maker WHEN 1 THEN 'sell' ELSE 'buy' END AS taker, repaired,
    printf('binance-%d-%010x', (correlation >> 40) & 65535, correlation & 1099511627775) AS correlation
    FROM trades JOIN symbols s ON s.id = symbol_id;
CREATE VIEW IF NOT EXISTS agg_trades_text AS SELECT
    s.name AS symbol, agg_id, first_id, last_id, printf('%d.%08d', price_e8 / 100000000, price_e8 % 100000000) AS price,
    printf('%d.%08d', quantity_e8 / 100000000, quantity_e8 % 100000000) AS quantity,
    strftime('%Y-%m-%dT%H:%M:%S', trade_ns / 1000000000, 'unixepoch') || printf('.%06dZ', trade_ns / 1000 % 1000000) AS time,
    CASE buyer_is_maker WHEN 1 THEN 'sell' ELSE 'buy' END AS taker, repaired,
    printf('binance-%d-%010x', (correlation >> 40) & 65535, correlation & 1099511627775) AS correlation
    FROM agg_trades JOIN symbols s ON s.id = symbol_id;
CREATE VIEW IF NOT EXISTS gaps_text AS SELECT
    s.name AS symbol, kind, first_id, last_id, last_id - first_id + 1 AS ids, repaired, cause,
    strftime('%Y-%m-%dT%H:%M:%SZ', detected_ns / 1000000000, 'unixepoch') AS detected,
    printf('binance-%d-%010x', (correlation >> 40) & 65535, correlation & 1099511627775) AS correlation
    FROM gaps JOIN symbols s ON s.id = symbol_id;
)sql";

}  // namespace of::storage
