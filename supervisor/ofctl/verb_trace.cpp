// ofctl trace ID: the hops of one correlation ID over all processes, its log records, and the message itself; or the
// hops as a file for a trace viewer.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "proto/log_catalog.hpp"
#include "proto/trace.hpp"
#include "shm/verify.hpp"
#include "supervisor/ofctl/decode.hpp"
#include "supervisor/ofctl/print.hpp"
#include "supervisor/ofctl/trace_file.hpp"
#include "supervisor/ofctl/verbs.hpp"

namespace of::ofctl {
namespace {

/// "binance-3-00000a1b2c", the decimal integer of the store's column, or 0x and hex digits.
std::optional<CorrelationId> parse_id(std::string_view text) {
    if (const auto id = parse_correlation(text)) return id;
    const int base = text.starts_with("0x") ? 16 : 10;
    if (base == 16) text.remove_prefix(2);
    uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size() || value == 0) return {};
    return CorrelationId{value};
}

/// Calls `visit` with each message of a ring that carries the ID.
template <typename Visit>
void scan(const RingView& ring, CorrelationId id, Visit visit) {
    std::vector<std::byte> message;
    for (auto position = ring.oldest(); position < ring.tail(); ++position) {
        if (!ring.read(position, message) || message.size() < sizeof(Header)) continue;
        if (reinterpret_cast<const Header*>(message.data())->correlation == id) visit(position, message);
    }
}

std::vector<FoundHop> find_hops(const View& view, CorrelationId id) {
    std::vector<FoundHop> hops;
    for (const auto& channel : channels_in(view.source())) {
        if (!channel.starts_with("trace.")) continue;
        auto segment = view.segment(channel);
        if (!segment || segment->header().kind != shm::SegmentKind::broadcast) continue;
        const RingView ring(std::move(*segment));
        scan(ring, id, [&](uint64_t, const std::vector<std::byte>& message) {
            FoundHop found{{}, channel.substr(6)};
            std::memcpy(static_cast<void*>(&found.hop), message.data(), std::min(sizeof found.hop, message.size()));
            hops.push_back(found);
        });
    }
    std::ranges::stable_sort(hops, {}, [](const FoundHop& found) { return found.hop.header.publish_ns; });
    return hops;
}

/// Log records and market messages that carry the ID, as lines.
std::vector<std::pair<std::string, Decoded>> find_messages(const View& view, CorrelationId id,
                                                           const std::vector<FoundHop>& hops) {
    std::vector<std::pair<std::string, Decoded>> found;
    const auto book = view.segment("book.0");
    const auto* symbols = book && shm::is_page(*book, "book") ? &book->page<shm::BookPage>() : nullptr;
    for (const auto& channel : channels_in(view.source())) {
        const bool market = channel.starts_with("market.");
        if (!market && !channel.starts_with("log.")) continue;
        auto segment = view.segment(channel);
        if (!segment || segment->header().kind != shm::SegmentKind::broadcast) continue;
        const RingView ring(std::move(*segment));
        const MessageDecoder decoder(ring.segment().schema(), symbols);
        if (!market) {
            scan(ring, id, [&](uint64_t, const std::vector<std::byte>& message) {
                found.emplace_back(channel, decoder.decode(message));
            });
            continue;
        }
        // The hops say where in the ring it lies: no need to go through all of it.
        const auto at = std::ranges::find_if(hops, [](const FoundHop& hop) { return hop.hop.hop == Hop::published; });
        std::vector<std::byte> message;
        if (at != hops.end() && ring.read(static_cast<uint64_t>(at->hop.position), message) &&
            reinterpret_cast<const Header*>(message.data())->correlation == id)
            found.emplace_back(channel, decoder.decode(message));
    }
    return found;
}

void print_table(const Options& options, CorrelationId id, const std::vector<FoundHop>& hops,
                 const std::vector<std::pair<std::string, Decoded>>& messages) {
    put_line(fmt::format("{}: {} hops", to_string(id), hops.size()));
    using enum Table::Align;
    Table table({{"HOP"}, {"PROCESS"}, {"AT us", right}, {"DELTA us", right}, {"SUBJECT", right}, {"POSITION", right}});
    for (size_t i = 0; i < hops.size(); ++i) {
        const auto& hop = hops[i].hop;
        const auto since = [&](size_t from) {
            return static_cast<double>(hop.header.publish_ns - hops[from].hop.header.publish_ns) / 1000.0;
        };
        table.add({std::string(name_of(hop.hop)), hops[i].process, fmt::format("{:.1f}", since(0)),
                   fmt::format("{:.1f}", since(i == 0 ? 0 : i - 1)), std::to_string(hop.subject),
                   hop.position < 0 ? "-" : std::to_string(hop.position)});
    }
    if (!hops.empty()) table.print(options.headers);
    for (const auto& [channel, decoded] : messages) put_line(fmt::format("{}: {}", channel, decoded.line()));
}

void print_json(const Options& options, CorrelationId id, const std::vector<FoundHop>& hops,
                const std::vector<std::pair<std::string, Decoded>>& messages) {
    Json json;
    json.open_document("trace").field("correlation", std::string_view(to_string(id))).open_rows("hops");
    for (const auto& [hop, process] : hops) {
        json.open_row(name_of(hop.hop))
            .field("hop", name_of(hop.hop))
            .field("process", std::string_view(process))
            .field("mono_ns", hop.header.publish_ns);
        json.field("subject", hop.subject).field("position", hop.position).close_row();
    }
    json.close_array().key("messages").open_array();
    for (const auto& [channel, decoded] : messages) {
        json.open_object().field("segment", std::string_view(channel));
        decoded.append_to(json);
        json.close_object();
    }
    put_json(options, json.close_array().close_object());
}

}  // namespace

int trace(const Options& options) {
    const auto id = parse_id(options.names.front());
    if (!id)
        return refuse(
            options,
            {ErrorKind::invalid,
             fmt::format(
                 "\"{}\" is no correlation ID: expected binance-3-00000a1b2c, a whole number, or 0x and hex digits",
                 options.names.front())});
    const auto view = View::open(options.source);
    if (!view) return refuse(options, view.error());
    const auto hops = find_hops(*view, *id);
    const auto messages = find_messages(*view, *id, hops);
    if (hops.empty() && messages.empty())
        return refuse(options, {ErrorKind::missing,
                                fmt::format("nothing is known of {}: it was not sampled ([trace] sample = 1 traces "
                                            "everything), or its hops are overwritten ([rings] trace_slots)",
                                            to_string(*id))});
    if (options.trace_format == "perfetto") {
        put_line(perfetto_of(*id, hops));
    } else if (options.json) {
        print_json(options, *id, hops, messages);
    } else {
        print_table(options, *id, hops, messages);
    }
    return code(ExitCode::ok);
}

}  // namespace of::ofctl
