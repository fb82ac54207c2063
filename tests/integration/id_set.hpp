// A set of ids as ranges: contiguous ids cost one entry, however many they are. Pure.
#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>

namespace of::integration {

class IdSet {
  public:
    /// False when the id is in the set already.
    bool add(int64_t id) {
        const auto after = ranges_.upper_bound(id);
        if (after != ranges_.begin() && std::prev(after)->second >= id) return false;
        add(id, id);
        return true;
    }
    /// All ids of first..last, inclusive.
    void add(int64_t first, int64_t last) {
        auto it = ranges_.upper_bound(first);
        if (it != ranges_.begin() && std::prev(it)->second >= first - 1) --it;
        while (it != ranges_.end() && it->first <= last + 1) {
            first = std::min(first, it->first);
            last = std::max(last, it->second);
            it = ranges_.erase(it);
        }
        ranges_.emplace(first, last);
    }
    void add(const IdSet& other) {
        for (const auto& [first, last] : other.ranges_) add(first, last);
    }

    uint64_t size() const {
        uint64_t ids = 0;
        for (const auto& [first, last] : ranges_) ids += static_cast<uint64_t>(last - first + 1);
        return ids;
    }
    bool empty() const { return ranges_.empty(); }
    int64_t first() const { return ranges_.empty() ? 0 : ranges_.begin()->first; }
    int64_t last() const { return ranges_.empty() ? 0 : ranges_.rbegin()->second; }
    /// Ids between the first and the last that are not in the set.
    uint64_t holes() const { return empty() ? 0 : static_cast<uint64_t>(last() - first() + 1) - size(); }
    /// First to last of each range.
    const std::map<int64_t, int64_t>& ranges() const { return ranges_; }

  private:
    std::map<int64_t, int64_t> ranges_;
};

}  // namespace of::integration
