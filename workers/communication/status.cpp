#include "workers/communication/status.hpp"

namespace of::communication {
namespace {

std::string_view text_of(const shm::Cursor& cursor) {
    return {cursor.channel, strnlen(cursor.channel, sizeof cursor.channel)};
}

/// The cursor of this process on this very ring, or nullptr.
const shm::Cursor* cursor_of(const shm::ProcessSlot& slot, const shm::SegmentHeader& ring) {
    for (const auto& cursor : slot.cursors) {
        if (text_of(cursor) == ring.channel && cursor.generation.load(std::memory_order_relaxed) == ring.generation)
            return &cursor;
    }
    return nullptr;
}

}  // namespace

Expected<void> Status::open() {
    for (const auto process : runtime_.processes()) {
        for (const auto kind : {ChannelKind::market, ChannelKind::log}) {
            if (kind == ChannelKind::market && process.kind != ProcessKind::binance) continue;
            auto ring = runtime_.attachment().segment(kind, process, process, shm::Access::read_only);
            if (!ring) return tl::make_unexpected(ring.error());
            rings_.push_back(std::move(*ring));
        }
        auto page = runtime_.attachment().segment(ChannelKind::metrics, process, process, shm::Access::read_only);
        if (!page) return tl::make_unexpected(page.error());
        pages_.emplace_back(name_of(process), std::move(*page));
    }
    return {};
}

std::vector<WorkerView> Status::workers() const {
    std::vector<WorkerView> views;
    const auto now = mono_ns();
    for (const auto process : runtime_.processes()) {
        const auto* slot = runtime_.control().find(name_of(process));
        if (process.kind != ProcessKind::supervisor && slot != nullptr) views.push_back(view(*slot, process, now));
    }
    return views;
}

WorkerView Status::view(const shm::ProcessSlot& slot, ProcessId process, int64_t now_ns) const {
    const auto& desk = slot.desk;
    const auto& own = slot.own;
    const auto incarnation = desk.incarnation.load(std::memory_order_acquire);
    const auto said = static_cast<WorkerState>(desk.state.load(std::memory_order_acquire));
    const bool handed_over =
        said == WorkerState::spawned && own.incarnation.load(std::memory_order_acquire) == incarnation;
    const auto state = handed_over ? static_cast<WorkerState>(own.state.load(std::memory_order_relaxed)) : said;
    const bool alive = handed_over && runtime_.alive(process);
    const auto since = [&](int64_t then_ns) {
        return alive && then_ns != 0 ? std::max<int64_t>(0, now_ns - then_ns) / ns_per_ms : 0;
    };
    const auto age = since(own.heartbeat_ns.load(std::memory_order_relaxed));
    return {.name = name_of(process),
            .state = state,
            .pid = desk.pid.load(std::memory_order_relaxed),
            .incarnation = incarnation,
            .restarts = desk.restarts.load(std::memory_order_relaxed),
            .uptime_ms = since(own.ready_ns.load(std::memory_order_relaxed)),
            .heartbeat_age_ms = age,
            .healthy = alive && state == WorkerState::running && age < heartbeat_fresh_ms};
}

std::vector<RingView> Status::rings() const {
    std::vector<RingView> views;
    for (const auto& ring : rings_) {
        const auto& header = ring.header();
        const auto tail = shm::ring_tail(ring);
        auto& view = views.emplace_back(RingView{header.channel, tail, header.slots, {}});
        for (const auto process : runtime_.processes()) {
            const auto* slot = runtime_.control().find(name_of(process));
            const auto* cursor = slot == nullptr ? nullptr : cursor_of(*slot, header);
            if (cursor == nullptr) continue;
            const auto position = cursor->position.load(std::memory_order_acquire);
            view.lags.push_back({name_of(process), tail > position ? tail - position : 0,
                                 cursor->lost.load(std::memory_order_relaxed)});
        }
    }
    return views;
}

std::vector<Status::Page> Status::metrics() const {
    std::vector<Page> pages;
    for (const auto& [name, segment] : pages_) pages.push_back({name, shm::snapshot(segment.page<shm::MetricsPage>())});
    return pages;
}

std::optional<uint64_t> Status::stored_position(const shm::Segment& market) const {
    const auto* slot = runtime_.control().find(name_of(ProcessId{ProcessKind::storage, 0}));
    const auto* cursor = slot == nullptr ? nullptr : cursor_of(*slot, market.header());
    if (cursor == nullptr) return {};
    return cursor->position.load(std::memory_order_acquire);
}

}  // namespace of::communication
