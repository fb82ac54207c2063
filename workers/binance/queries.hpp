// Answers the calls of other workers about this feed: a symbol's book as it is now, and the state of all
// symbols.
//
// Served from the worker's loop between frames, so an answer is whole: a book with its update id.
// Communication is the only caller.
#pragma once

#include <memory>
#include <span>

#include "workers/binance/lane.hpp"

namespace of::binance {

using Lanes = std::vector<std::unique_ptr<Lane>>;

class Queries {
  public:
    Queries(Runtime& runtime, const Lanes& lanes) : runtime_(runtime), lanes_(lanes) {}
    /// Serves call_book and call_feed_status; `bad_request` for anything else.
    void serve(const Call& call, Reply& reply);

  private:
    CallStatus book(const Call& call, Reply& reply) const;
    CallStatus status(const Call& call, Reply& reply) const;

    Runtime& runtime_;
    const Lanes& lanes_;
};

}  // namespace of::binance
