// The JSON messages of the WebSocket (API.md lists them), each rendered into a string that the caller reuses.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "proto/calls.hpp"
#include "proto/market.hpp"
#include "shm/book_page.hpp"

namespace of::communication::frames {

void trade(std::string& out, std::string_view symbol, const Trade& trade, uint64_t position);
void stored_trade(std::string& out, std::string_view symbol, const ReplyTrade& row);
void quote(std::string& out, std::string_view symbol, const BestQuote& quote);
/// From the book page, which has no correlation ID.
void quote(std::string& out, std::string_view symbol, const shm::Quote& quote);

/// One element of /api/trades.
void trade_row(std::string& out, const ReplyTrade& row);

std::string hello(std::string_view instance, std::span<const std::string> symbols, int64_t server_ns);
std::string lost(uint64_t count);
std::string error(std::string_view sentence);
std::string pong(std::string_view id_json, int64_t server_ns);
std::string backlog_end(std::string_view symbol, uint64_t count);
std::string gap(std::string_view symbol, int64_t first_id, int64_t last_id);

struct Subscribed {
    std::string_view op;  ///< "subscribed" or "unsubscribed"
    bool trades = false;
    bool quotes = false;
    bool all_symbols = false;
    std::span<const std::string> symbols;
    std::span<const std::string> unknown;  ///< of these, the ones that no feed has named yet
    uint32_t backlog = 0;
};
std::string subscribed(const Subscribed& what);

}  // namespace of::communication::frames
