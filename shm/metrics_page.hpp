// The metrics page (`metrics.P`): counters, gauges and histograms of one process, published in whole batches.
//
// The process updates words of its own memory and publishes what has changed as a batch, each 100 ms or 50 updates,
// into one of two banks; `batch` then names the bank. A reader copies the bank that `batch` names and checks that the
// writer has not come round to it again: it never waits, never holds the writer up, and finds a whole batch even if the
// writer died in the middle of the next. Values go on where a predecessor stopped.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shm/assert.hpp"
#include "shm/layout.hpp"

namespace of::shm {

enum class MetricKind : uint32_t { none, counter, gauge, histogram };
std::string_view name_of(MetricKind kind);

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

/// All values after one batch.
struct alignas(line_bytes) MetricsBank {
    std::atomic<uint64_t> publish_ns;   ///< CLOCK_MONOTONIC
    std::atomic<uint64_t> correlation;  ///< of what published it: a turn of the loop, or its timer
    std::atomic<uint64_t> updates;      ///< in all batches so far: what one message for each update would have cost
    char reserved[104];
    std::array<std::atomic<uint64_t>, metric_words_max> words;
};
static_assert(offsetof(MetricsBank, words) == 128);

struct MetricsPage {
    static constexpr std::string_view layout = "metrics 2";

    alignas(line_bytes) std::atomic<uint64_t> batch;  ///< number of the last whole batch; its bank is batch % 2
    std::atomic<uint32_t> entries_used;
    char reserved[116];
    std::array<MetricEntry, metrics_max> entries;
    std::array<MetricsBank, 2> banks;
};
static_assert(std::is_standard_layout_v<MetricsPage> && offsetof(MetricsPage, entries) == 128 &&
              offsetof(MetricsPage, banks) == 128 + metrics_max * sizeof(MetricEntry));

/// A consistent copy of one process's metrics.
struct MetricsSnapshot {
    struct Value {
        const MetricEntry* entry;
        uint32_t offset;              ///< as the entry had it when it was checked
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
    uint64_t correlation = 0;
    uint64_t updates = 0;
    std::vector<Value> values;  ///< valid as long as the page is mapped

    const Value* find(std::string_view name, std::string_view labels = "") const;
};

/// Copies the last whole batch. Empty before the first, and when the writer went round a thousand times meanwhile.
MetricsSnapshot snapshot(const MetricsPage& page);

/// The owner's side: register everything while starting; then update, and publish whenever the batch is full() and from
/// time to time.
class MetricsWriter {
  public:
    static constexpr uint32_t batch_updates_max = 50;

    explicit MetricsWriter(MetricsPage& page);

    /// Index of the first word. A metric of the same name and labels keeps its place and its value.
    uint32_t add(MetricKind kind, std::string_view name, std::string_view labels, std::string_view unit,
                 std::string_view help);
    void count(uint32_t at, uint64_t n) {
        words_[at] += n;
        touch(at);
        ++batch_updates_;
    }
    void set(uint32_t at, uint64_t value) {
        words_[at] = value;
        touch(at);
        ++batch_updates_;
    }
    /// One value of a histogram whose first word is `at`.
    void record(uint32_t at, uint64_t value) {
        const auto bucket = at + HistogramLayout::bucket_of(value);
        const auto totals = at + HistogramLayout::buckets;
        ++words_[bucket];
        ++words_[totals];
        words_[totals + 1] += value;
        if (value > words_[totals + 2]) words_[totals + 2] = value;
        touch(bucket);
        touch(totals);
        touch(totals + 1);
        touch(totals + 2);
        ++batch_updates_;
    }
    uint64_t value(uint32_t at) const { return words_[at]; }
    /// The batch takes no more updates before it is published.
    bool full() const { return batch_updates_ >= batch_updates_max; }
    /// Publishes the batch, all of it at once; does nothing when it is empty.
    void publish(uint64_t now_ns, uint64_t correlation);

  private:
    /// Words that one batch changed, each once; a histogram's update touches four.
    struct Touched {
        std::array<uint32_t, size_t{batch_updates_max} * 4> words;
        uint32_t count = 0;
    };
    void touch(uint32_t at) {
        if (std::exchange(touched_[at], uint8_t{1}) != 0) return;
        OF_ASSERT(batch_.count < batch_.words.size());
        batch_.words[batch_.count++] = at;
    }
    void make_room();
    void copy(MetricsBank& bank, const Touched& touched) const;
    void copy_all(MetricsBank& bank) const;

    MetricsPage* page_;
    std::vector<uint64_t> words_;
    std::vector<uint8_t> touched_;  ///< whether the batch has noted this word
    uint32_t used_ = 0;
    uint32_t batch_updates_ = 0;
    uint64_t updates_ = 0;
    uint32_t whole_copies_ = 2;  ///< banks that a predecessor may have left half written
    Touched batch_;
    Touched last_batch_;  ///< what the other bank has and this one lacks
};

}  // namespace of::shm
