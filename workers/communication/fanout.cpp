#include "workers/communication/fanout.hpp"

#include "workers/communication/frames.hpp"

namespace of::communication {
namespace {

constexpr size_t messages_per_turn = 512;

template <typename Message>
void describe(Frame& frame, const Message& message, int64_t id, uint64_t position) {
    frame.id = id;
    frame.receive_ns = message.receive_ns;
    frame.position = position;
    frame.correlation = message.header.correlation;
    frame.symbol = message.header.symbol;
    frame.sampled = (message.header.flags & flag_sampled) != 0;
    frame.repaired = (message.header.flags & flag_repaired) != 0;
}

}  // namespace

Expected<void> Fanout::open() {
    for (const auto process : runtime_.processes()) {
        if (process.kind != ProcessKind::binance) continue;
        auto subscriber = runtime_.subscriber<128>(ChannelKind::market, process, Runtime::From::newest);
        if (!subscriber) return tl::make_unexpected(subscriber.error());
        auto book = runtime_.page(ChannelKind::book, process);
        if (!book) return tl::make_unexpected(book.error());
        feeds_.push_back(
            {process, std::move(*subscriber), std::move(*book), std::vector<Topic*>(shm::symbols_max, nullptr)});
    }
    text_.reserve(frame_bytes_max);
    discover();
    return {};
}

void Fanout::discover() {
    for (size_t ring = 0; ring < feeds_.size(); ++ring) {
        const auto used = feeds_[ring].book().symbols.load(std::memory_order_acquire);
        for (uint16_t symbol = 0; symbol < std::min<uint32_t>(used, shm::symbols_max); ++symbol) topic(ring, symbol);
    }
}

/// The topic of a message, made at its first; nullptr for a symbol that the directory does not have.
Topic* Fanout::topic(size_t ring, uint16_t symbol) {
    auto& feed = feeds_[ring];
    if (symbol >= feed.by_symbol.size()) return nullptr;
    auto*& known = feed.by_symbol[symbol];
    if (known != nullptr) return known;
    const auto name = feed.book().symbol(symbol);
    if (name.empty()) return nullptr;
    const auto index = static_cast<uint32_t>(topics_.size());
    topics_.push_back(std::make_unique<Topic>(
        Topic{.index = index, .feed = feed.process, .ring = ring, .symbol = symbol, .name = std::string(name)}));
    known = topics_.back().get();
    if (welcome_) welcome_(*known);
    return known;
}

size_t Fanout::poll() {
    size_t handled = 0;
    for (size_t ring = 0; ring < feeds_.size(); ++ring) handled += read(ring, messages_per_turn);
    deliver_quotes();
    for (auto* session : touched_) session->flush();
    touched_.clear();
    return handled;
}

bool Fanout::pending() const {
    return std::ranges::any_of(feeds_, [](const Feed& feed) { return feed.subscriber.ready(); });
}

size_t Fanout::read(size_t ring, size_t limit) {
    auto& subscriber = feeds_[ring].subscriber;
    size_t handled = 0;
    for (; handled < limit; ++handled) {
        const auto lost = subscriber.lost();
        const auto status = subscriber.read();
        if (status == shm::ReadStatus::empty) break;
        if (status == shm::ReadStatus::lapped) {
            lapped(ring, subscriber.lost() - lost);
        } else {
            handle(ring);
        }
    }
    if (handled != 0) subscriber.acknowledge();
    return handled;
}

void Fanout::handle(size_t ring) {
    const auto& subscriber = feeds_[ring].subscriber;
    const auto& header = subscriber.header();
    if (header.type != MessageType::trade && header.type != MessageType::best_quote) return;
    auto* found = topic(ring, header.symbol);
    if (found == nullptr) return;
    const auto position = subscriber.position() - 1;
    if (header.type == MessageType::trade) return deliver_trade(*found, subscriber.message<Trade>(), position);
    if (found->quotes.empty()) return;
    found->newest = subscriber.message<BestQuote>();
    found->quote_position = position;
    if (!std::exchange(found->quote_waits, true)) quoted_.push_back(found);
}

void Fanout::lapped(size_t ring, uint64_t lost) {
    runtime_.log().write(log_event::ring_lapped, runtime_.next_correlation(), lost, feeds_[ring].subscriber.name());
    for (const auto& topic : topics_) topic->lapped = topic->lapped || topic->ring == ring;
}

void Fanout::deliver_trade(Topic& topic, const Trade& trade, uint64_t position) {
    const auto before = topic.last_trade_id;
    const auto missing = topic.lapped && before != 0 && trade.id > before + 1 ? trade.id - before - 1 : 0;
    topic.lapped = false;
    topic.last_trade_id = std::max(before, trade.id);
    if (topic.trades.empty()) return;
    text_.clear();
    frames::trade(text_, topic.name, trade, position);
    const auto frame = pool_.make(text_);
    if (!frame) return;
    describe(*frame, trade, trade.id, position);
    for (auto* session : topic.trades) {
        if (missing != 0) session->note_lost(static_cast<uint64_t>(missing));
        session->offer_trade(topic.index, frame);
        touch(*session);
    }
}

void Fanout::deliver_quotes() {
    for (auto* topic : quoted_) {
        topic->quote_waits = false;
        text_.clear();
        frames::quote(text_, topic->name, topic->newest);
        const auto frame = pool_.make(text_);
        if (!frame) continue;
        describe(*frame, topic->newest, topic->newest.update_id, topic->quote_position);
        for (auto* session : topic->quotes) {
            session->offer_quote(topic->index, frame);
            touch(*session);
        }
    }
    quoted_.clear();
}

void Fanout::touch(WsSession& session) {
    if (!session.touch()) touched_.push_back(&session);
}

Topic* Fanout::find(std::string_view symbol) {
    const auto found = std::ranges::find_if(topics_, [&](const auto& topic) { return topic->name == symbol; });
    return found == topics_.end() ? nullptr : found->get();
}

std::vector<std::string> Fanout::symbols() const {
    std::vector<std::string> names;
    for (const auto& topic : topics_) names.push_back(topic->name);
    return names;
}

FrameRef Fanout::current_quote(const Topic& topic) {
    const auto quote = feeds_[topic.ring].book().entries[topic.symbol].load();
    if (!quote || quote->update_id == 0) return {};
    text_.clear();
    frames::quote(text_, topic.name, *quote);
    return pool_.make(text_);
}

void Fanout::remove(WsSession& session) {
    for (const auto& topic : topics_) {
        std::erase(topic->trades, &session);
        std::erase(topic->quotes, &session);
    }
    std::erase(touched_, &session);
}

}  // namespace of::communication
