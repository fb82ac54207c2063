#include "workers/storage/ingest.hpp"

#include <cstring>

namespace of::storage {
namespace {

bool is_kept(MessageType type) {
    return type == MessageType::trade || type == MessageType::agg_trade || type == MessageType::gap_opened ||
           type == MessageType::gap_repaired;
}

template <typename Message>
void copy_message(Message& to, const Subscriber<128>& ring) {
    to = ring.message<Message>();
}

}  // namespace

Ingest::Ingest(Subscriber<128> ring, shm::Segment book, Store& store, BatchLimits limits)
    : ring_(std::move(ring)), book_(std::move(book)), store_(store), limits_(limits), symbols_(shm::symbols_max) {
    batch_.channel = ring_.name();
    batch_.generation = ring_.segment().header().generation;
    batch_.end_position = ring_.position();
    batch_.entries.reserve(limits_.rows_max);
}

size_t Ingest::read(size_t limit, int64_t now_ns) {
    size_t count = 0;
    for (; count < limit && !blocked(); ++count) {
        const auto position = ring_.position();
        const auto status = ring_.read();
        if (status == shm::ReadStatus::empty) break;
        if (status == shm::ReadStatus::lapped) continue;
        if (is_kept(ring_.header().type)) take_in(position, now_ns);
        if (!next_) batch_.end_position = ring_.position();
    }
    // Nothing to store before this position: no commit is needed to have done with it.
    if (count != 0 && empty()) ring_.acknowledge();
    return count;
}

void Ingest::take_in(uint64_t position, int64_t now_ns) {
    const auto symbol = symbol_of(ring_.header().symbol);
    if (!symbol) return static_cast<void>(++refused_);
    Entry entry;
    entry.position = position;
    entry.symbol = *symbol;
    entry.after_lap = ring_.lost() != 0;
    switch (ring_.header().type) {
        case MessageType::trade:
            copy_message(entry.trade, ring_);
            break;
        case MessageType::agg_trade:
            copy_message(entry.agg_trade, ring_);
            break;
        case MessageType::gap_opened:
            copy_message(entry.gap_opened, ring_);
            break;
        default:
            copy_message(entry.gap_repaired, ring_);
            break;
    }
    const auto day = day_for(entry);
    if (batch_.entries.empty()) {
        batch_.day = day;
        first_ns_ = now_ns;
    } else if (day != batch_.day) {
        next_ = entry;
        next_day_ = day;
        return;
    }
    batch_.entries.push_back(entry);
}

Day Ingest::day_for(const Entry& entry) const {
    const auto current = batch_.entries.empty() ? row_day_ : batch_.day;
    switch (entry.header.type) {
        case MessageType::trade:
            return day_of(entry.trade.trade_ns);
        case MessageType::agg_trade:
            return day_of(entry.agg_trade.trade_ns);
        case MessageType::gap_opened:
            return current != 0 ? current : day_of(entry.gap_opened.detected_ns);
        default:
            return store_.gap_day(entry.symbol, entry.gap_repaired.kind, entry.gap_repaired.first_id,
                                  current != 0 ? current : day_of(entry.gap_repaired.finished_ns));
    }
}

void Ingest::stored(int64_t now_ns) {
    row_day_ = batch_.day;
    batch_.entries.clear();
    ring_.acknowledge(batch_.end_position);
    if (!next_) return;
    batch_.day = next_day_;
    batch_.entries.push_back(*next_);
    batch_.end_position = ring_.position();
    first_ns_ = now_ns;
    next_.reset();
}

uint64_t Ingest::take_lost() {
    const auto lost = ring_.lost() - lost_told_;
    lost_told_ = ring_.lost();
    return lost;
}

std::optional<uint32_t> Ingest::symbol_of(uint16_t index) {
    if (index >= symbols_.size()) return {};
    auto& known = symbols_[index];
    if (!known) {
        const auto name = book_.page<shm::BookPage>().symbol(index);
        if (!name.empty()) known = store_.symbol(name);
    }
    return known;
}

}  // namespace of::storage
