// Latencies in nanoseconds, in the histogram of the metrics pages, and the four figures that are told of them.
#pragma once

#include <algorithm>

#include "shm/metrics_page.hpp"

namespace of::integration {

struct Quantiles {
    uint64_t count = 0;
    uint64_t p50 = 0, p99 = 0, p999 = 0, max = 0;
};

/// Of a histogram; all zero for none.
inline Quantiles quantiles_of(const shm::MetricsSnapshot::Value* histogram) {
    if (histogram == nullptr || histogram->words.size() != shm::HistogramLayout::words) return {};
    return {histogram->count(), histogram->quantile(0.5), histogram->quantile(0.99), histogram->quantile(0.999),
            histogram->max()};
}

/// Recorded by one thread.
class Latency {
  public:
    /// Below zero (a clock that was set back) counts as zero.
    void record(int64_t ns) {
        using Layout = shm::HistogramLayout;
        const auto value = static_cast<uint64_t>(std::max<int64_t>(ns, 0));
        ++value_.words[Layout::bucket_of(value)];
        ++value_.words[Layout::buckets];
        value_.words[Layout::buckets + 1] += value;
        value_.words[Layout::buckets + 2] = std::max(value_.words[Layout::buckets + 2], value);
    }
    Quantiles quantiles() const { return quantiles_of(&value_); }

  private:
    shm::MetricsSnapshot::Value value_{nullptr, 0, std::vector<uint64_t>(shm::HistogramLayout::words)};
};

}  // namespace of::integration
