// Trace hops (`trace.P`): slots of 64 bytes. What happened to one correlation ID, where, and when.
//
// header.publish_ns is the time of the hop (CLOCK_MONOTONIC, comparable between all processes of one boot).
#pragma once

#include "proto/message.hpp"

namespace of {

enum class Hop : uint32_t {
    received,
    decoded,
    published,
    stored,
    delivered,
    called,
    served,
    answered,
    refused,
    commanded,
    failed,  ///< a warning or an error; the subject is its id in the log catalogue
};

std::string_view name_of(Hop hop);  // message_names.cpp

struct TraceHop {
    Header header;
    Hop hop;
    uint32_t reserved;
    int64_t subject;   ///< trade id, update id, row count, clients reached: as the hop says
    int64_t position;  ///< of the ring that it went through, where there is one
};
static_assert(fits<TraceHop, body_64> && sizeof(TraceHop) == 48);

}  // namespace of
