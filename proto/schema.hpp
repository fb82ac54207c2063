// The field tables of all messages, as text that lies in each segment: a tool decodes a ring by what the ring says of
// itself, and says exactly what differs from its own tables.
//
//   message <name> <type number> <bytes>
//   <field> <kind> <offset> [<elements>]
//
// Kinds: u8 u16 u32 u64 i64, e8 (int64 at 1e-8), corr (correlation ID), wall (ns since 1970), mono (monotonic ns), text
// (zero-padded), level (price and quantity), and the names of enumerations, which are u32.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proto/message.hpp"
#include "proto/topology.hpp"

namespace of {

struct Field {
    std::string name;
    std::string kind;
    size_t offset = 0;
    size_t elements = 1;  ///< of an array; bytes of a text
};

struct MessageSchema {
    std::string name;
    MessageType type = MessageType::none;
    size_t bytes = 0;
    std::vector<Field> fields;
};

/// The messages that travel on this kind of channel, as text for its segments; empty for pages.
std::string schema_of(ChannelKind kind);

/// The inverse, for text of any origin: what cannot be read, or lies outside its message, is left out.
std::vector<MessageSchema> parse_schema(std::string_view text);

}  // namespace of
