// The tables and views of a day's file. STORE.md is the same for readers; change both, and schema_version,
// together.
#pragma once

#include <string_view>

namespace of::storage {

inline constexpr int schema_version = 1;            ///< PRAGMA user_version
inline constexpr int application_id = 0x4f46'4c57;  ///< "OFLW", PRAGMA application_id

inline constexpr std::string_view schema_tables = R"sql(
CREATE TABLE symbols (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE trades (
    symbol_id INTEGER NOT NULL, trade_id INTEGER NOT NULL, price_e8 INTEGER NOT NULL, quantity_e8 INTEGER NOT NULL,
    trade_ns INTEGER NOT NULL, event_ns INTEGER NOT NULL, receive_ns INTEGER NOT NULL,
    buyer_is_maker INTEGER NOT NULL, repaired INTEGER NOT NULL, correlation INTEGER NOT NULL,
    PRIMARY KEY (symbol_id, trade_id)) STRICT, WITHOUT ROWID;
CREATE TABLE agg_trades (
    symbol_id INTEGER NOT NULL, agg_id INTEGER NOT NULL, first_id INTEGER NOT NULL, last_id INTEGER NOT NULL,
    price_e8 INTEGER NOT NULL, quantity_e8 INTEGER NOT NULL,
    trade_ns INTEGER NOT NULL, event_ns INTEGER NOT NULL, receive_ns INTEGER NOT NULL,
    buyer_is_maker INTEGER NOT NULL, repaired INTEGER NOT NULL, correlation INTEGER NOT NULL,
    PRIMARY KEY (symbol_id, agg_id)) STRICT, WITHOUT ROWID;
CREATE TABLE gaps (
    symbol_id INTEGER NOT NULL, kind INTEGER NOT NULL CHECK (kind IN (0, 1)),
    first_id INTEGER NOT NULL, last_id INTEGER NOT NULL,
    cause TEXT NOT NULL CHECK (cause IN ('feed', 'lapped', 'offline')), detected_ns INTEGER NOT NULL,
    repaired INTEGER NOT NULL, finished_ns INTEGER NOT NULL, correlation INTEGER NOT NULL,
    PRIMARY KEY (symbol_id, kind, first_id, last_id)) STRICT, WITHOUT ROWID;
CREATE TABLE cursors (channel TEXT PRIMARY KEY, generation INTEGER NOT NULL, position INTEGER NOT NULL)
    STRICT, WITHOUT ROWID;
CREATE TABLE counters (
    symbol_id INTEGER NOT NULL, kind INTEGER NOT NULL, rows INTEGER NOT NULL, last_id INTEGER NOT NULL,
    PRIMARY KEY (symbol_id, kind)) STRICT, WITHOUT ROWID;
)sql";

// Texts for people. ${time X}, ${decimal X} and ${correlation} are replaced by expressions when the file is
// made.
inline constexpr std::string_view schema_views = R"sql(
CREATE VIEW trades_text AS SELECT s.name AS symbol, trade_id, ${decimal price_e8} AS price,
    ${decimal quantity_e8} AS quantity, ${time trade_ns} AS trade_time, ${time event_ns} AS event_time,
    ${time receive_ns} AS receive_time, iif(buyer_is_maker, 'sell', 'buy') AS taker, repaired,
    ${correlation} AS correlation FROM trades JOIN symbols s ON s.id = symbol_id;
CREATE VIEW agg_trades_text AS SELECT s.name AS symbol, agg_id, first_id, last_id, ${decimal price_e8} AS price,
    ${decimal quantity_e8} AS quantity, ${time trade_ns} AS trade_time, ${time event_ns} AS event_time,
    ${time receive_ns} AS receive_time, iif(buyer_is_maker, 'sell', 'buy') AS taker, repaired,
    ${correlation} AS correlation FROM agg_trades JOIN symbols s ON s.id = symbol_id;
CREATE VIEW gaps_text AS SELECT s.name AS symbol, iif(kind, 'agg_trade', 'trade') AS kind, first_id, last_id,
    last_id - first_id + 1 AS ids, cause, ${time detected_ns} AS detected, repaired,
    iif(finished_ns, ${time finished_ns}, '') AS finished, ${correlation} AS correlation
    FROM gaps JOIN symbols s ON s.id = symbol_id;
)sql";

inline constexpr std::string_view time_expression =
    "(strftime('%Y-%m-%dT%H:%M:%S', X / 1000000000, 'unixepoch') || printf('.%09dZ', X % 1000000000))";
inline constexpr std::string_view decimal_expression = "printf('%d.%08d', X / 100000000, X % 100000000)";
// binance-3-00000a1b2c; the numbers of the kinds are those of ProcessKind in proto/types.hpp.
inline constexpr std::string_view correlation_expression =
    "iif(correlation = 0, '-', CASE (correlation >> 60) & 15 WHEN 1 THEN 'supervisor' WHEN 2 THEN 'binance' "
    "WHEN 3 THEN 'communication' WHEN 4 THEN 'storage' WHEN 5 THEN 'logger' ELSE 'unknown' END || "
    "iif((correlation >> 56) & 15, '.' || ((correlation >> 56) & 15), '') || '-' || ((correlation >> 40) & "
    "65535) || "
    "'-' || printf('%010x', correlation & 1099511627775))";

}  // namespace of::storage
