#include "proto/topology.hpp"

#include <algorithm>

namespace of {
namespace {

bool stands_for(End end, ProcessId process) {
    switch (end) {
        case End::supervisor:
            return process.kind == ProcessKind::supervisor;
        case End::binance:
            return process.kind == ProcessKind::binance;
        case End::communication:
            return process.kind == ProcessKind::communication;
        case End::storage:
            return process.kind == ProcessKind::storage;
        case End::logger:
            return process.kind == ProcessKind::logger;
        case End::every:
            return true;
        case End::every_worker:
            return process.kind != ProcessKind::supervisor;
        case End::none:
            return false;
    }
    return false;
}

void add_queues(std::vector<Channel>& channels, const Wire& wire, ProcessId writer,
                std::span<const ProcessId> processes) {
    for (const auto reader : processes) {
        if (stands_for(wire.readers[0], reader) && !(reader == writer)) channels.push_back({&wire, writer, reader});
    }
}

}  // namespace

std::string Channel::name() const {
    switch (wire->kind) {
        case ChannelKind::control:
            return "control";
        case ChannelKind::market:
            return "market." + std::to_string(writer.index);
        case ChannelKind::book:
            return "book." + std::to_string(writer.index);
        case ChannelKind::log:
            return "log." + name_of(writer);
        case ChannelKind::trace:
            return "trace." + name_of(writer);
        case ChannelKind::metrics:
            return "metrics." + name_of(writer);
        case ChannelKind::error:
            return "error." + name_of(writer);
        case ChannelKind::breaker:
            return "breaker." + name_of(writer);
        case ChannelKind::command:
            return "command." + name_of(reader);
        case ChannelKind::event:
            return "event." + name_of(writer);
        case ChannelKind::call:
            return "call." + name_of(writer) + "." + name_of(reader);
        case ChannelKind::reply:
            return "reply." + name_of(writer) + "." + name_of(reader);
    }
    return "unknown";
}

std::vector<Channel> channels_of(std::span<const ProcessId> processes) {
    std::vector<Channel> channels;
    for (const auto& wire : wiring) {
        for (const auto writer : processes) {
            if (!stands_for(wire.writer, writer)) continue;
            if (wire.transport == Transport::queue) {
                add_queues(channels, wire, writer, processes);
            } else {
                channels.push_back({&wire, writer, writer});
            }
        }
    }
    return channels;
}

std::vector<ProcessId> readers_of(const Channel& channel, std::span<const ProcessId> processes) {
    if (channel.wire->transport == Transport::queue) return {channel.reader};
    std::vector<ProcessId> readers;
    for (const auto process : processes) {
        const bool reads =
            std::ranges::any_of(channel.wire->readers, [&](End end) { return stands_for(end, process); });
        if (reads) readers.push_back(process);
    }
    return readers;
}

std::vector<ProcessId> attached_to(const Channel& channel, std::span<const ProcessId> processes) {
    const auto readers = readers_of(channel, processes);
    std::vector<ProcessId> attached;
    for (const auto process : processes) {
        const bool reads = std::ranges::find(readers, process) != readers.end();
        if (process == channel.writer || reads || stands_for(channel.wire->observer, process))
            attached.push_back(process);
    }
    return attached;
}

std::vector<ProcessId> processes_of(uint8_t feeds) {
    std::vector<ProcessId> processes{{ProcessKind::supervisor, 0},
                                     {ProcessKind::logger, 0},
                                     {ProcessKind::storage, 0},
                                     {ProcessKind::communication, 0}};
    for (uint8_t index = 0; index < feeds; ++index) processes.push_back({ProcessKind::binance, index});
    return processes;
}

std::string_view name_of(ChannelKind kind) {
    constexpr std::array names{"control", "market", "book", "log",   "trace",   "metrics",
                               "command", "event",  "call", "reply", "breaker", "error"};
    const auto index = static_cast<size_t>(kind);
    return index < names.size() ? names[index] : "unknown";
}

std::string_view name_of(Transport transport) {
    switch (transport) {
        case Transport::broadcast:
            return "broadcast";
        case Transport::queue:
            return "queue";
        case Transport::page:
            return "page";
    }
    return "unknown";
}

}  // namespace of
