#include "shm/prometheus_text.hpp"

namespace of::shm {
namespace {

constexpr uint32_t first_bound_bit = 10;  ///< 1 microsecond
constexpr uint32_t last_bound_bit = 36;   ///< 69 seconds

std::string escape(std::string_view text, bool quotes) {
    std::string out;
    for (const char c : text) {
        if (c == '\\') {
            out += "\\\\";
        } else if (c == '\n') {
            out += "\\n";
        } else if (c == '"' && quotes) {
            out += "\\\"";
        } else {
            out += c;
        }
    }
    return out;
}

/// How a metric leaves: its name there, and the factor to its values.
struct Exported {
    std::string name;
    double scale = 1;
};

Exported exported(std::string_view name, std::string_view unit) {
    if (unit != "ns" && unit != "ms") return {std::string(name), 1};
    const auto ending = "_" + std::string(unit);
    if (name.ends_with(ending)) name.remove_suffix(ending.size());
    return {std::string(name) + "_seconds", unit == "ns" ? 1e-9 : 1e-3};
}

}  // namespace

std::string escape_label(std::string_view value) { return escape(value, true); }
std::string escape_help(std::string_view text) { return escape(text, false); }

std::string* PrometheusText::family(std::string_view name, std::string_view type, std::string_view help) {
    auto& family = families_[std::string(name)];
    if (family.type.empty()) family = {std::string(type), escape_help(help), {}};
    return family.type == type ? &family.samples : nullptr;
}

void PrometheusText::histogram(std::string_view name, std::string_view help, const std::string& labels, double scale,
                               const MetricsSnapshot::Value& value) {
    uint64_t below = 0;
    uint32_t bucket = 0;
    for (uint32_t bit = first_bound_bit; bit <= last_bound_bit; ++bit) {
        const auto bound = uint64_t{1} << bit;
        for (; bucket < HistogramLayout::bucket_of(bound); ++bucket) below += value.words[bucket];
        const auto le = static_cast<double>(bound - 1) * scale;
        sample(name, "histogram", help, "_bucket", fmt::format("{},le=\"{}\"", labels, le), below);
    }
    // +Inf and _count are the sum of the buckets, so that the family agrees with itself.
    for (; bucket < HistogramLayout::buckets; ++bucket) below += value.words[bucket];
    sample(name, "histogram", help, "_bucket", labels + ",le=\"+Inf\"", below);
    sample(name, "histogram", help, "_sum", labels, static_cast<double>(value.sum()) * scale);
    sample(name, "histogram", help, "_count", labels, below);
}

void PrometheusText::page(std::string_view worker, const MetricsSnapshot& metrics) {
    for (const auto& value : metrics.values) {
        const auto& entry = *value.entry;
        const auto own = text_of(entry.labels);
        const auto labels = fmt::format("worker=\"{}\"{}{}", escape_label(worker), own.empty() ? "" : ",", own);
        const auto [name, scale] = exported(text_of(entry.name), text_of(entry.unit));
        const auto level = static_cast<int64_t>(value.words[0]);
        switch (entry.kind) {
            case MetricKind::counter:
                sample(name, "counter", text_of(entry.help), "", labels, value.scalar());
                break;
            case MetricKind::gauge:
                if (scale == 1) {
                    sample(name, "gauge", text_of(entry.help), "", labels, level);
                } else {
                    sample(name, "gauge", text_of(entry.help), "", labels, static_cast<double>(level) * scale);
                }
                break;
            case MetricKind::histogram:
                histogram(name, text_of(entry.help), labels, scale, value);
                break;
            case MetricKind::none:
                break;
        }
    }
    const auto labels = fmt::format("worker=\"{}\"", escape_label(worker));
    sample("metric_updates_total", "counter", "Updates of metrics, each of which would else have been a message", "",
           labels, metrics.updates);
    sample("metric_batches_total", "counter", "Batches that these updates were published in", "", labels,
           metrics.batch);
}

std::string PrometheusText::text() const {
    std::string out;
    for (const auto& [name, family] : families_) {
        fmt::format_to(std::back_inserter(out), "# HELP orderflow_{0} {1}\n# TYPE orderflow_{0} {2}\n{3}", name,
                       family.help, family.type, family.samples);
    }
    return out;
}

}  // namespace of::shm
