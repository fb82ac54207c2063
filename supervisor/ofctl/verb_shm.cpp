// ofctl shm dump, tail: what lies in a segment.
#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <charconv>

#include "proto/decimal.hpp"
#include "shm/verify.hpp"
#include "supervisor/ofctl/message_print.hpp"
#include "supervisor/ofctl/metrics_print.hpp"
#include "supervisor/ofctl/print.hpp"
#include "supervisor/ofctl/verbs.hpp"

namespace of::ofctl {
namespace {

constexpr uint64_t dump_default = 16;

/// The symbol directory that goes with a channel, or nothing.
struct Symbols {
    Symbols(const View& view, const std::string& channel) {
        auto opened = view.segment(symbols_channel(channel));
        if (opened && shm::is_page(*opened, "book")) segment.emplace(std::move(*opened));
    }
    const shm::BookPage* page() const { return segment ? &segment->page<shm::BookPage>() : nullptr; }
    std::optional<shm::Segment> segment;
};

/// "A:B", "A:", ":B" within [oldest, tail); nothing when it is none of them.
std::optional<std::pair<uint64_t, uint64_t>> parse_range(const std::string& text, uint64_t oldest, uint64_t tail) {
    const auto colon = text.find(':');
    if (colon == std::string::npos) return {};
    const auto number = [&](std::string_view digits, uint64_t fallback) -> std::optional<uint64_t> {
        if (digits.empty()) return fallback;
        uint64_t value = 0;
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
        if (error != std::errc{} || end != digits.data() + digits.size()) return {};
        return value;
    };
    const auto from = number(std::string_view(text).substr(0, colon), oldest);
    const auto to = number(std::string_view(text).substr(colon + 1), tail);
    if (!from || !to || *from > *to) return {};
    return std::pair(std::max(*from, oldest), std::min(*to, tail));
}

/// The messages of a ring that is there.
class Messages {
  public:
    Messages(const Options& options, const View& view, shm::Segment segment)
        : ring(std::move(segment)),
          symbols_(view, ring.segment().header().channel),
          printer_(options, std::string(shm::text_of(ring.segment().header().channel)), ring.segment().schema(),
                   symbols_.page()) {}

    /// Where the newest `count` of them begin.
    uint64_t newest(uint64_t count, uint64_t tail) {
        const auto oldest = ring.oldest();
        auto position = tail;
        while (count > 0 && position > oldest)
            count -= ring.read(--position, message_) && printer_.wants(message_) ? 1 : 0;
        return position;
    }
    /// Prints the message at `position` if it is there and wanted; false if it is no longer or not yet there.
    bool print(uint64_t position) {
        if (!ring.read(position, message_)) return false;
        printer_.print(position, message_);
        return true;
    }

    const RingView ring;

  private:
    const Symbols symbols_;
    const MessagePrinter printer_;
    std::vector<std::byte> message_;
};

void print_header(const Options& options, const shm::Segment& segment) {
    const auto& header = segment.header();
    if (options.json) return;
    put_line(fmt::format("{}.{}: {}, {} slots of {} bytes, {} in all, layout {:016x}, generation {:016x}",
                         header.instance, header.channel, name_of(static_cast<Transport>(header.kind)), header.slots,
                         header.slot_bytes, bytes_text(header.total_bytes), header.layout_hash, header.generation));
    put_line(fmt::format("made {} by pid {} ({})", wall_text(header.created_ns), header.creator_pid,
                         shm::creator_lives(header) ? "lives" : "gone"));
    if (header.kind == shm::SegmentKind::page) return;
    const auto& lines = segment.lines();
    put_line(fmt::format("tail {}  head {}  refused {}  wakes {}  recoveries {}", shm::ring_tail(segment),
                         lines.head.load(), lines.refused.load(), lines.wakes.load(), lines.recoveries.load()));
}

int dump_ring(const Options& options, const View& view, shm::Segment segment) {
    Messages messages(options, view, std::move(segment));
    const auto tail = messages.ring.tail();
    auto range = std::pair(uint64_t{0}, tail);
    if (options.slots.empty()) {
        range.first = messages.newest(options.lines == 0 ? dump_default : options.lines, tail);
    } else {
        const auto parsed = parse_range(options.slots, messages.ring.oldest(), tail);
        if (!parsed)
            return refuse(options, {ErrorKind::invalid,
                                    fmt::format("--slots must be A:B with A <= B, found \"{}\"", options.slots)});
        range = *parsed;
    }
    for (auto position = range.first; position < range.second; ++position) messages.print(position);
    return code(ExitCode::ok);
}

void dump_metrics(const Options& options, const std::string& channel, const shm::MetricsPage& page) {
    const MetricsView view{channel.substr(channel.find('.') + 1), shm::snapshot(page), {}, 0};
    if (!options.json) return print_metrics(options, view, "");
    Json json;
    json.open_document("metrics");
    append_metrics(json, view, "");
    put_json(options, json.close_object());
}

void dump_book(const Options& options, const shm::BookPage& page) {
    Json json;
    if (options.json) json.open_document("book").open_rows("symbols");
    const auto used = std::min<uint32_t>(page.symbols.load(), shm::symbols_max);
    for (uint32_t i = 0; i < used; ++i) {
        const auto& entry = page.entries[i];
        const auto quote = entry.load().value_or(shm::Quote{});
        if (options.json) {
            json.open_row(entry.symbol())
                .field("index", i)
                .field("symbol", entry.symbol())
                .field("update_id", quote.update_id)
                .field("bid_price", std::string_view(format_e8(quote.bid_price)));
            json.field("bid_qty", std::string_view(format_e8(quote.bid_quantity)))
                .field("ask_price", std::string_view(format_e8(quote.ask_price)));
            json.field("ask_qty", std::string_view(format_e8(quote.ask_quantity))).close_row();
        } else {
            put_line(fmt::format("  {:>3}  {:<16} update {}  bid {} x {}  ask {} x {}", i, entry.symbol(),
                                 quote.update_id, format_e8(quote.bid_price), format_e8(quote.bid_quantity),
                                 format_e8(quote.ask_price), format_e8(quote.ask_quantity)));
        }
    }
    if (options.json) put_json(options, json.close_array().close_object());
}

int dump_page(const Options& options, const shm::Segment& segment) {
    const std::string channel(shm::text_of(segment.header().channel));
    const auto kind = channel.substr(0, channel.find('.'));
    if (kind == "control" || kind == "breaker" || kind == "error" || kind == "governor") {
        auto all = options;
        all.names.clear();
        if (kind == "governor") return limits(all);
        if (kind != "control") all.worker = channel.substr(channel.find('.') + 1);
        if (kind == "breaker") return breaker(all);
        if (kind == "error") return errors(all);
        status(all);
        return code(ExitCode::ok);
    }
    if (!shm::is_page(segment, kind)) return refuse(options, unknown_layout(segment, channel));
    if (kind == "metrics") dump_metrics(options, channel, segment.page<shm::MetricsPage>());
    if (kind == "book") dump_book(options, segment.page<shm::BookPage>());
    return code(ExitCode::ok);
}

}  // namespace

int shm_dump(const Options& options) {
    const auto view = View::open(options.source);
    if (!view) return refuse(options, view.error());
    auto segment = view->segment(options.names.front());
    if (!segment) return refuse(options, segment.error());
    print_header(options, *segment);
    return segment->header().kind == shm::SegmentKind::page ? dump_page(options, *segment)
                                                            : dump_ring(options, *view, std::move(*segment));
}

int shm_tail(const Options& options) {
    const auto view = View::open(options.source);
    if (!view) return refuse(options, view.error());
    auto segment = view->segment(options.names.front());
    if (!segment) return refuse(options, segment.error());
    if (segment->header().kind == shm::SegmentKind::page)
        return refuse(options, {ErrorKind::invalid, fmt::format("{} is a page: see ofctl shm dump {}",
                                                                options.names.front(), options.names.front())});
    Messages messages(options, *view, std::move(*segment));
    const auto& ring = messages.ring;
    const auto last = options.lines == 0 && !options.follow ? dump_default : options.lines;
    auto position = messages.newest(last, ring.tail());
    for (;;) {
        for (const auto tail = ring.tail(); position < tail; ++position) {
            if (messages.print(position) || position >= ring.oldest()) continue;
            complain(
                fmt::format("lost {} messages: they were overwritten before they were read", ring.oldest() - position));
            position = ring.oldest() - 1;
        }
        flush_output();
        if (!options.follow) return code(ExitCode::ok);
        poll(nullptr, 0, look_period_ms);
    }
}

}  // namespace of::ofctl
