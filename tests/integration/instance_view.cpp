#include "tests/integration/instance_view.hpp"

#include "proto/market.hpp"
#include "shm/broadcast.hpp"
#include "workers/runtime/attachment.hpp"

namespace of::integration {
namespace {

WorkerState shown_state(const shm::ProcessSlot& slot) {
    const auto desk = static_cast<WorkerState>(slot.desk.state.load(std::memory_order_acquire));
    const bool own =
        slot.own.incarnation.load(std::memory_order_acquire) == slot.desk.incarnation.load(std::memory_order_acquire);
    return desk == WorkerState::spawned && own
               ? static_cast<WorkerState>(slot.own.state.load(std::memory_order_acquire))
               : desk;
}

std::string_view text_of(const char* bytes, size_t size) { return {bytes, strnlen(bytes, size)}; }

}  // namespace

Expected<InstanceView> InstanceView::open(const std::string& instance) {
    auto control = shm::Segment::open(spec_of(instance, Channel{&wiring[0], {}, {}}), shm::Access::read_only);
    if (!control) return tl::make_unexpected(control.error());
    InstanceView view(instance, std::move(*control));
    if (auto opened = view.open_pages(); !opened) return tl::make_unexpected(opened.error());
    return view;
}

Expected<void> InstanceView::open_pages() {
    std::vector<ProcessId> processes;
    for (const auto& row : workers()) processes.push_back(row.process);
    processes.push_back({ProcessKind::supervisor, 0});
    for (const auto& channel : channels_of(processes)) {
        const auto kind = channel.wire->kind;
        if (kind != ChannelKind::metrics && kind != ChannelKind::market) continue;
        auto segment = shm::Segment::open(spec_of(instance_, channel), shm::Access::read_only);
        if (!segment) return tl::make_unexpected(segment.error());
        if (kind == ChannelKind::metrics) metrics_.emplace_back(channel.writer, std::move(*segment));
        if (kind == ChannelKind::market) markets_.push_back(std::move(*segment));
    }
    return {};
}

std::vector<WorkerRow> InstanceView::workers() const {
    std::vector<WorkerRow> rows;
    const auto& page = control();
    const auto used = std::min<size_t>(page.instance.processes.load(std::memory_order_acquire), shm::processes_max);
    for (size_t i = 0; i < used; ++i) {
        const auto& slot = page.processes[i];
        const auto process = parse_process(text_of(slot.desk.name, sizeof slot.desk.name));
        if (!process || process->kind == ProcessKind::supervisor) continue;
        rows.push_back({*process, name_of(*process), slot.desk.pid.load(std::memory_order_acquire),
                        slot.desk.start_time.load(std::memory_order_acquire), shown_state(slot),
                        slot.desk.restarts.load(std::memory_order_acquire)});
    }
    return rows;
}

uint64_t InstanceView::restarts() const {
    uint64_t sum = 0;
    for (const auto& row : workers()) sum += row.restarts;
    return sum;
}

uint64_t InstanceView::lapped(std::string_view reader) const {
    const auto* slot = control().find(reader);
    uint64_t sum = 0;
    if (slot == nullptr) return sum;
    for (const auto& cursor : slot->cursors) {
        if (text_of(cursor.channel, sizeof cursor.channel).starts_with("market."))
            sum += cursor.lost.load(std::memory_order_acquire);
    }
    return sum;
}

uint64_t InstanceView::metric(ProcessKind kind, std::string_view name, std::string_view labels) const {
    uint64_t sum = 0;
    for (const auto& [process, segment] : metrics_) {
        if (process.kind != kind) continue;
        const auto values = shm::snapshot(segment.page<shm::MetricsPage>());
        if (const auto* value = values.find(name, labels)) sum += value->scalar();
    }
    return sum;
}

Quantiles InstanceView::latency(ProcessKind kind, std::string_view name) const {
    for (const auto& [process, segment] : metrics_) {
        if (process != ProcessId{kind, 0}) continue;
        return quantiles_of(shm::snapshot(segment.page<shm::MetricsPage>()).find(name));
    }
    return {};
}

std::optional<RingCount> InstanceView::count_market() const {
    RingCount sum;
    for (const auto& ring : markets_) {
        const auto one = count_ring(ring);
        if (!one) return {};
        sum.trades += one->trades;
        sum.agg_trades += one->agg_trades;
    }
    return sum;
}

std::optional<RingCount> InstanceView::count_ring(const shm::Segment& ring) const {
    shm::BroadcastReader<128> reader(ring, 0);
    RingCount count;
    alignas(8) std::array<std::byte, shm::BroadcastReader<128>::message_bytes> message;
    for (;;) {
        const auto status = reader.read(message.data());
        if (status == shm::ReadStatus::empty) return count;
        if (status == shm::ReadStatus::lapped) return {};
        const auto type = reinterpret_cast<const Header*>(message.data())->type;
        if (type == MessageType::trade) ++count.trades;
        if (type == MessageType::agg_trade) ++count.agg_trades;
    }
}

bool lives(uint64_t pid, uint64_t start_time) {
    return pid != 0 && start_time != 0 && shm::process_start(pid) == start_time;
}

}  // namespace of::integration
