#include "workers/binance/market_tail.hpp"

#include <algorithm>

namespace of::binance {
namespace {

/// Walks from the newest message to the oldest, so a repair's end is met before the gap that it closes.
class TailReader {
  public:
    explicit TailReader(size_t symbols) : tails_(symbols), repaired_(symbols) {}

    void take(const Header& header) {
        if (header.symbol >= tails_.size()) return;
        auto& tail = tails_[header.symbol];
        const bool repaired = (header.flags & flag_repaired) != 0;
        switch (header.type) {
            case MessageType::trade:
                return keep(as<Trade>(header).id, repaired, tail.trade_id, tail.repaired_trades);
            case MessageType::agg_trade:
                return keep(as<AggTrade>(header).id, repaired, tail.agg_id, tail.repaired_aggs);
            case MessageType::gap_repaired:
                return repaired_[header.symbol].push_back(gap_of(as<GapRepaired>(header)));
            case MessageType::gap_opened:
                return open(header.symbol, gap_of(as<GapOpened>(header)));
            default:
                return;
        }
    }
    std::vector<SymbolTail> finish() {
        for (auto& tail : tails_) std::ranges::reverse(tail.open_gaps);
        return std::move(tails_);
    }

  private:
    template <typename Message>
    static const Message& as(const Header& header) {
        return reinterpret_cast<const Message&>(header);
    }
    template <typename Message>
    static OpenGap gap_of(const Message& gap) {
        return {gap.kind, gap.first_id, gap.last_id, gap.header.correlation};
    }
    static void keep(int64_t id, bool repaired, int64_t& newest, std::vector<int64_t>& repairs) {
        if (repaired) {
            repairs.push_back(id);
        } else if (newest == 0) {
            newest = id;
        }
    }
    void open(uint16_t symbol, const OpenGap& gap) {
        const auto same_ids = [&](const OpenGap& other) {
            return other.kind == gap.kind && other.first_id == gap.first_id && other.last_id == gap.last_id;
        };
        if (std::ranges::none_of(repaired_[symbol], same_ids)) tails_[symbol].open_gaps.push_back(gap);
    }

    std::vector<SymbolTail> tails_;
    std::vector<std::vector<OpenGap>> repaired_;
};

}  // namespace

std::vector<SymbolTail> read_tail(const shm::Segment& market, uint64_t tail, size_t symbols) {
    const shm::SlotArray<128> slots(market);
    TailReader reader(symbols);
    const auto oldest = tail > slots.capacity() ? tail - slots.capacity() : 0;
    for (auto position = tail; position-- > oldest;) {
        if (slots.word(position).load(std::memory_order_acquire) != shm::committed_word(position))
            break;  // taken back by recovery, or overwritten
        reader.take(*reinterpret_cast<const Header*>(slots.message(position)));
    }
    return reader.finish();
}

}  // namespace of::binance
