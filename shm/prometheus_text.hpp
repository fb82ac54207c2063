// Prometheus text format 0.0.4, made from metrics pages: for /metrics and for `ofctl metrics --prom`.
//
// One family, one HELP and TYPE, whoever of the processes has it. Times leave in seconds, the base unit there: a metric
// in ns or ms loses that ending and gets `_seconds`. Histograms become native ones with a bucket for each doubling;
// since values are whole numbers, the bound below 1024 ns and that of our own buckets say the same, so the counts are
// exact.
#pragma once

#include <fmt/format.h>

#include <map>
#include <string>

#include "shm/metrics_page.hpp"

namespace of::shm {

/// A label's value as the format wants it: backslash, quote and newline escaped.
std::string escape_label(std::string_view value);
/// The text of HELP: backslash and newline escaped.
std::string escape_help(std::string_view text);

class PrometheusText {
  public:
    /// `name` without the prefix "orderflow_", `labels` without braces, `suffix` for the parts of a histogram.
    template <typename Value>
    void sample(std::string_view name, std::string_view type, std::string_view help, std::string_view suffix,
                std::string_view labels, const Value& value) {
        if (auto* samples = family(name, type, help))
            fmt::format_to(std::back_inserter(*samples), "orderflow_{}{}{{{}}} {}\n", name, suffix, labels, value);
    }
    /// All metrics of one process's page.
    void page(std::string_view worker, const MetricsSnapshot& metrics);
    /// The text of all, families in the order of their names.
    std::string text() const;

  private:
    struct Family {
        std::string type;
        std::string help;
        std::string samples;
    };
    /// Where the samples of a family go; nullptr when two processes disagree on its type: the first is right.
    std::string* family(std::string_view name, std::string_view type, std::string_view help);
    void histogram(std::string_view name, std::string_view help, const std::string& labels, double scale,
                   const MetricsSnapshot::Value& value);

    std::map<std::string, Family> families_;
};

}  // namespace of::shm
