// The control messages of a stream connection: SUBSCRIBE, UNSUBSCRIBE, LIST_SUBSCRIPTIONS, SET_PROPERTY,
// GET_PROPERTY. Pure: text in, text out, and the subscriptions of one connection
// changed.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace of::exchange {

inline constexpr size_t streams_max = 1024;

/// What one connection has subscribed to, in the order of subscription.
struct Subscriptions {
    std::vector<std::string> streams;
    bool combined = false;

    bool contains(std::string_view stream) const;
    void add(std::string_view stream);
    void remove(std::string_view stream);
};

/// Answers one text message. The answer never goes into a stream envelope.
std::string answer_request(std::string_view text, Subscriptions& subscriptions);

/// Whether this can be a stream's name at all: no name that is empty, longer than 128 bytes, or holds quotes
/// or control characters. An unknown but possible name is subscribed to and stays silent, as on the real
/// exchange.
bool valid_stream_name(std::string_view name);

}  // namespace of::exchange
