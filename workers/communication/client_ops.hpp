// What a WebSocket client may ask for: {"op":"subscribe"|"unsubscribe"|"ping", ...}, checked before anything is done.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "proto/message.hpp"

namespace of::communication {

inline constexpr size_t symbols_of_op_max = 512;
inline constexpr size_t symbol_bytes_max = sizeof(SymbolText);

struct ClientOp {
    enum class Kind : uint8_t { subscribe, unsubscribe, ping };
    Kind kind = Kind::ping;
    bool trades = false;
    bool quotes = false;
    bool all_symbols = false;          ///< "symbols" was absent
    std::vector<std::string> symbols;  ///< each once, in the client's order
    uint32_t backlog = 0;
    std::string id_json = "null";  ///< of a ping, given back as it came
};

/// The operation, or a sentence that says what is wrong with it.
tl::expected<ClientOp, std::string> parse_op(std::string_view text, uint32_t backlog_max);

}  // namespace of::communication
