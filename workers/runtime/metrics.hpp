// The metrics of a process: plain words, updated in place, published as a whole each 100 ms (shm/metrics_page.hpp).
//
// Register while starting; an update is an addition to memory of this process alone.
#pragma once

#include "proto/correlation.hpp"
#include "shm/metrics_page.hpp"
#include "shm/segment.hpp"
#include "workers/runtime/clock.hpp"

namespace of {

class Metrics;

/// Counts up. Cheap to copy; valid as long as its Metrics.
class Counter {
  public:
    void add(uint64_t n = 1);
    uint64_t value() const;

  private:
    friend class Metrics;
    Counter(shm::MetricsWriter& writer, uint32_t at) : writer_(&writer), at_(at) {}
    shm::MetricsWriter* writer_;
    uint32_t at_;
};

/// A value that goes up and down; int64.
class Gauge {
  public:
    void set(int64_t value);

  private:
    friend class Metrics;
    Gauge(shm::MetricsWriter& writer, uint32_t at) : writer_(&writer), at_(at) {}
    shm::MetricsWriter* writer_;
    uint32_t at_;
};

/// A distribution of non-negative values; a negative one (clocks differ) counts as 0.
class Histogram {
  public:
    void record(int64_t value);

  private:
    friend class Metrics;
    Histogram(shm::MetricsWriter& writer, uint32_t at) : writer_(&writer), at_(at) {}
    shm::MetricsWriter* writer_;
    uint32_t at_;
};

class Metrics {
  public:
    explicit Metrics(shm::Segment segment) : segment_(std::move(segment)), writer_(segment_.page<shm::MetricsPage>()) {}
    Metrics(const Metrics&) = delete;

    Counter counter(std::string_view name, std::string_view help, std::string_view labels = "");
    Gauge gauge(std::string_view name, std::string_view unit, std::string_view help, std::string_view labels = "");
    Histogram histogram(std::string_view name, std::string_view unit, std::string_view help,
                        std::string_view labels = "");
    void publish(CorrelationId correlation) { writer_.publish(static_cast<uint64_t>(mono_ns()), correlation.value); }

  private:
    shm::Segment segment_;
    shm::MetricsWriter writer_;
};

inline void Counter::add(uint64_t n) {
    writer_->words()[at_] += n;
    ++writer_->updates;
}
inline uint64_t Counter::value() const { return writer_->words()[at_]; }
inline void Gauge::set(int64_t value) {
    writer_->words()[at_] = static_cast<uint64_t>(value);
    ++writer_->updates;
}
inline void Histogram::record(int64_t value) {
    using shm::HistogramLayout;
    const auto sample = static_cast<uint64_t>(value < 0 ? 0 : value);
    auto* words = writer_->words() + at_;
    ++words[HistogramLayout::bucket_of(sample)];
    ++words[HistogramLayout::buckets];
    words[HistogramLayout::buckets + 1] += sample;
    if (sample > words[HistogramLayout::buckets + 2]) words[HistogramLayout::buckets + 2] = sample;
    ++writer_->updates;
}
inline Counter Metrics::counter(std::string_view name, std::string_view help, std::string_view labels) {
    return {writer_, writer_.add(shm::MetricKind::counter, name, labels, "", help)};
}
inline Gauge Metrics::gauge(std::string_view name, std::string_view unit, std::string_view help,
                            std::string_view labels) {
    return {writer_, writer_.add(shm::MetricKind::gauge, name, labels, unit, help)};
}
inline Histogram Metrics::histogram(std::string_view name, std::string_view unit, std::string_view help,
                                    std::string_view labels) {
    return {writer_, writer_.add(shm::MetricKind::histogram, name, labels, unit, help)};
}

}  // namespace of
