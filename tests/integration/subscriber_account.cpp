#include "tests/integration/subscriber_account.hpp"

namespace of::integration {
namespace {

constexpr size_t refusals_max = 20;

std::string symbol_of(const simdjson::dom::element& message) {
    return std::string(std::string_view(message["symbol"]));
}

}  // namespace

uint64_t SubscriberReport::holes() const {
    uint64_t sum = 0;
    for (const auto& [name, seen] : symbols) sum += seen.ids.holes();
    return sum;
}

uint64_t SubscriberReport::twice() const {
    uint64_t sum = 0;
    for (const auto& [name, seen] : symbols) sum += seen.twice;
    return sum;
}

uint64_t SubscriberReport::ids() const {
    uint64_t sum = 0;
    for (const auto& [name, seen] : symbols) sum += seen.ids.size();
    return sum;
}

void SubscriberAccount::connected() {
    const std::lock_guard guard(mutex_);
    ++report_.connections;
    of_connection_.clear();
}

bool SubscriberAccount::take(std::string_view text, int64_t now_ns) {
    const std::lock_guard guard(mutex_);
    ++report_.messages;
    try {
        const auto message = parser_.parse(text.data(), text.size()).value();
        return take_known(std::string_view(message["type"]), message, now_ns);
    } catch (const simdjson::simdjson_error&) {
        ++report_.unreadable;
        return false;
    }
}

bool SubscriberAccount::take_known(std::string_view type, const simdjson::dom::element& message, int64_t now_ns) {
    if (type == "trade") {
        take_trade(message, now_ns);
    } else if (type == "quote") {
        take_quote(message);
    } else if (type == "lost") {
        report_.lost += uint64_t(message["count"]);
    } else if (type == "error") {
        if (report_.refusals.size() < refusals_max) report_.refusals.emplace_back(std::string_view(message["error"]));
    } else if (type == "subscribed") {
        ++report_.subscriptions;
        return true;
    }
    return false;
}

void SubscriberAccount::take_trade(const simdjson::dom::element& message, int64_t now_ns) {
    const auto symbol = symbol_of(message);
    const int64_t id = message["id"];
    const int64_t receive_ns = message["receive_ns"];
    const auto stored = message["backlog"];
    auto& seen = report_.symbols[symbol];
    seen.ids.add(id);
    if (!of_connection_[symbol].add(id)) ++seen.twice;
    if (stored.error() == simdjson::SUCCESS && bool(stored)) {
        ++seen.stored;
        return;
    }
    ++seen.trades;
    latency_.record(now_ns - receive_ns);
}

void SubscriberAccount::take_quote(const simdjson::dom::element& message) {
    auto& seen = report_.symbols[symbol_of(message)];
    ++seen.quotes;
    seen.last_update_id = message["update_id"];
}

SubscriberReport SubscriberAccount::report() const {
    const std::lock_guard guard(mutex_);
    auto report = report_;
    report.receive_to_client = latency_.quantiles();
    return report;
}

}  // namespace of::integration
