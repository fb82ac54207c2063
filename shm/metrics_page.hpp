// The metrics page (`metrics.P`): counters, gauges and histograms of one process, published in whole batches.
//
// The process updates plain words of its own and publishes all of them each 100 ms into one of two banks; `batch` then
// names the bank. A reader copies the bank that `batch` names and checks that the writer has not come round to it
// again: it never waits, and finds a whole batch even if the writer died in the middle of the next. Values go on where
// a predecessor stopped.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "shm/assert.hpp"
#include "shm/layout.hpp"

namespace of::shm {

enum class MetricKind : uint32_t { none, counter, gauge, histogram };

inline constexpr size_t metrics_max = 96;
inline constexpr size_t metric_words_max = 32'768;  ///< of all values of one process

/// Log-linear histogram: 64 buckets to each doubling, so a value is known to 1/128 of itself. Values from 0 to 2^40 (18
/// minutes in ns).
struct HistogramLayout {
    static constexpr uint32_t sub_bits = 6;
    static constexpr uint32_t sub_count = 1u << sub_bits;
    static constexpr uint32_t exponents = 40 - sub_bits;
    static constexpr uint32_t buckets = (exponents + 1) * sub_count;
    static constexpr uint32_t words = buckets + 3;  ///< and count, sum, max

    static constexpr uint32_t bucket_of(uint64_t value) {
        if (value < sub_count) return static_cast<uint32_t>(value);
        const auto exponent = static_cast<uint32_t>(std::bit_width(value)) - 1 - sub_bits;
        if (exponent >= exponents) return buckets - 1;
        return (exponent + 1) * sub_count + static_cast<uint32_t>((value >> exponent) & (sub_count - 1));
    }
    /// The middle of a bucket.
    static constexpr uint64_t value_of(uint32_t bucket) {
        if (bucket < sub_count) return bucket;
        const auto exponent = bucket / sub_count - 1;
        return ((uint64_t{sub_count} + bucket % sub_count) << exponent) + ((uint64_t{1} << exponent) >> 1);
    }
};

struct MetricEntry {
    char name[56];    ///< Prometheus style, without the prefix: "market_published_total"
    char labels[56];  ///< "type=\"trade\"", or empty
    char help[120];
    char unit[12];
    MetricKind kind;
    uint32_t offset;  ///< first word in a bank
    uint32_t reserved;
};
static_assert(sizeof(MetricEntry) == 256);

struct MetricsPage {
    static constexpr std::string_view layout = "metrics 1";

    alignas(line_bytes) std::atomic<uint64_t> batch;  ///< number of the last whole batch; its bank is batch % 2
    std::atomic<uint64_t> publish_ns;                 ///< CLOCK_MONOTONIC
    std::atomic<uint64_t> correlation;                ///< of the timer that published it
    std::atomic<uint64_t> updates;  ///< single updates in all batches: what one message for each would have cost
    std::atomic<uint32_t> entries_used;
    char reserved[92];
    std::array<MetricEntry, metrics_max> entries;
    std::array<std::array<std::atomic<uint64_t>, metric_words_max>, 2> banks;
};
static_assert(std::is_standard_layout_v<MetricsPage>);

/// A consistent copy of one process's metrics.
struct MetricsSnapshot {
    struct Value {
        const MetricEntry* entry;
        std::vector<uint64_t> words;  ///< one; or HistogramLayout::words

        uint64_t scalar() const { return words[0]; }
        uint64_t count() const { return words[HistogramLayout::buckets]; }
        uint64_t sum() const { return words[HistogramLayout::buckets + 1]; }
        uint64_t max() const { return words[HistogramLayout::buckets + 2]; }
        /// The value below which the fraction `q` of all recorded ones lie; 0 when there is none.
        uint64_t quantile(double q) const;
    };
    uint64_t batch = 0;
    uint64_t publish_ns = 0;
    std::vector<Value> values;  ///< valid as long as the page is mapped

    const Value* find(std::string_view name, std::string_view labels = "") const;
};

/// Copies the last whole batch. Empty before the first.
MetricsSnapshot snapshot(const MetricsPage& page);

/// The owner's side: register everything while starting, then update words(), then publish from time to time.
class MetricsWriter {
  public:
    explicit MetricsWriter(MetricsPage& page);

    /// Index of the first word. A metric of the same name and labels keeps its place and its value.
    uint32_t add(MetricKind kind, std::string_view name, std::string_view labels, std::string_view unit,
                 std::string_view help);
    uint64_t* words() { return words_.data(); }
    /// Publishes all values at once if any has changed since the last time.
    void publish(uint64_t now_ns, uint64_t correlation);
    uint64_t updates = 0;

  private:
    MetricsPage* page_;
    std::vector<uint64_t> words_;
    uint32_t used_ = 0;
    uint64_t published_updates_ = 0;
};

}  // namespace of::shm
