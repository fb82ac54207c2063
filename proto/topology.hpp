// The wiring diagram: which channels exist, who writes each, who reads it, and what it is made of.
//
// `wiring` is the whole truth: the supervisor creates the segments that it lists, workers attach to the ones that name
// them, ofctl prints them. A channel's name is its segment's name behind "<instance>.".
#pragma once

#include <array>
#include <span>
#include <string>
#include <vector>

#include "proto/types.hpp"

namespace of {

enum class ChannelKind : uint8_t {
    control,
    market,
    book,
    log,
    trace,
    metrics,
    command,
    event,
    call,
    reply,
    breaker,
    error
};

/// The numbers are those of a segment's header.
enum class Transport : uint8_t {
    broadcast = 1,  ///< overwrites the oldest; lapped readers count what they lost
    queue = 2,      ///< one writer, one reader; refuses when full
    page = 3,       ///< values in place
};

/// Processes on one end of a wire.
enum class End : uint8_t { supervisor, binance, communication, storage, logger, every, every_worker, none };

struct Wire {
    ChannelKind kind;
    Transport transport;
    End writer;
    std::array<End, 2> readers;  ///< those with a doorbell, besides any observer
    uint32_t slot_bytes;         ///< 0 for pages
    uint32_t slots;              ///< default capacity, a power of two; 0 for pages
    End observer = End::none;    ///< maps it as well, to tell of it, and has no doorbell
};

inline constexpr std::array wiring{
    Wire{ChannelKind::control, Transport::page, End::supervisor, {End::every, End::none}, 0, 0},
    Wire{ChannelKind::market, Transport::broadcast, End::binance, {End::storage, End::communication}, 128, 524'288},
    Wire{ChannelKind::book, Transport::page, End::binance, {End::storage, End::communication}, 0, 0},
    Wire{ChannelKind::log, Transport::broadcast, End::every, {End::logger, End::none}, 256, 4'096, End::communication},
    Wire{ChannelKind::trace, Transport::broadcast, End::every, {End::none, End::none}, 64, 65'536},
    Wire{ChannelKind::metrics, Transport::page, End::every, {End::none, End::none}, 0, 0, End::communication},
    Wire{ChannelKind::error, Transport::page, End::every, {End::none, End::none}, 0, 0},
    Wire{ChannelKind::breaker, Transport::page, End::every_worker, {End::none, End::none}, 0, 0},
    Wire{ChannelKind::command, Transport::queue, End::supervisor, {End::every_worker, End::none}, 128, 256},
    Wire{ChannelKind::event, Transport::queue, End::every_worker, {End::supervisor, End::none}, 128, 1'024},
    Wire{ChannelKind::call, Transport::queue, End::communication, {End::storage, End::none}, 128, 256},
    Wire{ChannelKind::call, Transport::queue, End::communication, {End::binance, End::none}, 128, 256},
    Wire{ChannelKind::reply, Transport::queue, End::storage, {End::communication, End::none}, 128, 16'384},
    Wire{ChannelKind::reply, Transport::queue, End::binance, {End::communication, End::none}, 128, 16'384},
};

/// One channel of an instance: a wire between concrete processes.
struct Channel {
    const Wire* wire;
    ProcessId writer;
    ProcessId reader;  ///< of a queue; equal to the writer otherwise

    std::string name() const;
};

/// Every channel of an instance of these processes, in the order of the table.
std::vector<Channel> channels_of(std::span<const ProcessId> processes);

/// Processes of this instance whose doorbell the writer of the channel rings.
std::vector<ProcessId> readers_of(const Channel& channel, std::span<const ProcessId> processes);

/// Processes of this instance that map the channel: its writer, its readers and its observer.
std::vector<ProcessId> attached_to(const Channel& channel, std::span<const ProcessId> processes);

/// The processes of an instance with this many feed workers: the supervisor first, then in the order of their start.
std::vector<ProcessId> processes_of(uint8_t feeds);

std::string_view name_of(ChannelKind kind);
std::string_view name_of(Transport transport);

}  // namespace of
