// The account that a Subscriber keeps of the messages it got. Any thread may read it; the client's thread writes.
#pragma once

#include <simdjson.h>
#include <mutex>

#include "tests/integration/subscriber.hpp"

namespace of::integration {

class SubscriberAccount {
  public:
    /// A new connection: from here on no id may come twice.
    void connected();
    /// One text message that came at `now_ns` (wall clock). True when it confirms the subscription.
    bool take(std::string_view text, int64_t now_ns);
    SubscriberReport report() const;

  private:
    void take_trade(const simdjson::dom::element& message, int64_t now_ns);
    void take_quote(const simdjson::dom::element& message);
    bool take_known(std::string_view type, const simdjson::dom::element& message, int64_t now_ns);

    mutable std::mutex mutex_;
    SubscriberReport report_;
    std::map<std::string, IdSet> of_connection_;
    Latency latency_;
    simdjson::dom::parser parser_;
};

}  // namespace of::integration
