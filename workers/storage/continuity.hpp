// Whether the ids of each symbol follow each other. The feed announces what it missed (GapOpened); a hole that nobody
// announced was lost between the feed and here. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "proto/market.hpp"

namespace of::storage {

class Continuity {
  public:
    struct Hole {
        int64_t first_id;
        int64_t last_id;
    };
    /// Notes an id; the hole before it, if nobody has announced it. Repaired rows lie below the last id and change nothing.
    std::optional<Hole> arrive(std::string_view symbol, GapKind kind, int64_t id) {
        auto& last = last_of(symbol, kind);
        const auto before = last;
        // An id far below the last one is a new epoch of the exchange's ids (test networks are wiped).
        if (id > last || id < last - epoch_distance) last = id;
        if (before == 0 || id <= before + 1) return {};
        return Hole{before + 1, id - 1};
    }
    /// Ids up to `last_id` are accounted for: stored before, or announced as missing.
    void account(std::string_view symbol, GapKind kind, int64_t last_id) {
        auto& last = last_of(symbol, kind);
        if (last_id > last) last = last_id;
    }

  private:
    static constexpr int64_t epoch_distance = 100'000'000;

    int64_t& last_of(std::string_view symbol, GapKind kind) {
        auto& by_symbol = last_[static_cast<size_t>(kind)];
        auto found = by_symbol.find(symbol);
        if (found == by_symbol.end()) found = by_symbol.emplace(symbol, 0).first;
        return found->second;
    }
    std::map<std::string, int64_t, std::less<>> last_[2];
};

}  // namespace of::storage
