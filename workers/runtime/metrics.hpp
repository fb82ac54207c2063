// The metrics of a process: words of its own memory, published in whole batches each 100 ms or 50 updates
// (shm/metrics_page.hpp).
//
// Register while starting; an update is an addition and a note of what it touched.
#pragma once

#include "proto/correlation.hpp"
#include "shm/metrics_page.hpp"
#include "shm/segment.hpp"
#include "workers/runtime/clock.hpp"

namespace of {

class Counter;
class Gauge;
class Histogram;

class Metrics {
  public:
    Metrics(shm::Segment segment, CorrelationSource& correlations)
        : segment_(std::move(segment)), writer_(segment_.page<shm::MetricsPage>()), correlations_(correlations) {}
    Metrics(const Metrics&) = delete;

    Counter counter(std::string_view name, std::string_view help, std::string_view labels = "");
    Gauge gauge(std::string_view name, std::string_view unit, std::string_view help, std::string_view labels = "");
    Histogram histogram(std::string_view name, std::string_view unit, std::string_view help,
                        std::string_view labels = "");
    /// Publishes what has changed since the last batch.
    void publish() { writer_.publish(static_cast<uint64_t>(mono_ns()), correlations_.next().value); }

  private:
    friend class Counter;
    friend class Gauge;
    friend class Histogram;
    void publish_if_full() {
        if (writer_.full()) [[unlikely]]
            publish();
    }
    shm::Segment segment_;
    shm::MetricsWriter writer_;
    CorrelationSource& correlations_;
};

/// Counts up. Cheap to copy, as all three; valid as long as its Metrics.
class Counter {
  public:
    void add(uint64_t n = 1) {
        metrics_->writer_.count(at_, n);
        metrics_->publish_if_full();
    }
    uint64_t value() const { return metrics_->writer_.value(at_); }

  private:
    friend class Metrics;
    Counter(Metrics& metrics, uint32_t at) : metrics_(&metrics), at_(at) {}
    Metrics* metrics_;
    uint32_t at_;
};

/// A value that goes up and down; int64.
class Gauge {
  public:
    void set(int64_t value) {
        metrics_->writer_.set(at_, static_cast<uint64_t>(value));
        metrics_->publish_if_full();
    }

  private:
    friend class Metrics;
    Gauge(Metrics& metrics, uint32_t at) : metrics_(&metrics), at_(at) {}
    Metrics* metrics_;
    uint32_t at_;
};

/// A distribution of non-negative values; a negative one (clocks differ) counts as 0.
class Histogram {
  public:
    void record(int64_t value) {
        metrics_->writer_.record(at_, static_cast<uint64_t>(value < 0 ? 0 : value));
        metrics_->publish_if_full();
    }

  private:
    friend class Metrics;
    Histogram(Metrics& metrics, uint32_t at) : metrics_(&metrics), at_(at) {}
    Metrics* metrics_;
    uint32_t at_;
};

inline Counter Metrics::counter(std::string_view name, std::string_view help, std::string_view labels) {
    return {*this, writer_.add(shm::MetricKind::counter, name, labels, "", help)};
}
inline Gauge Metrics::gauge(std::string_view name, std::string_view unit, std::string_view help,
                            std::string_view labels) {
    return {*this, writer_.add(shm::MetricKind::gauge, name, labels, unit, help)};
}
inline Histogram Metrics::histogram(std::string_view name, std::string_view unit, std::string_view help,
                                    std::string_view labels) {
    return {*this, writer_.add(shm::MetricKind::histogram, name, labels, unit, help)};
}

}  // namespace of
