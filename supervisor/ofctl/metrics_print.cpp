#include "supervisor/ofctl/metrics_print.hpp"

#include <fmt/format.h>

#include "supervisor/ofctl/print.hpp"

namespace of::ofctl {
namespace {

using Value = shm::MetricsSnapshot::Value;

bool is_histogram(const Value& value) { return value.entry->kind == shm::MetricKind::histogram; }
bool wanted(const Value& value, std::string_view filter) {
    return shm::text_of(value.entry->name).find(filter) != std::string_view::npos;
}

std::string full_name(const Value& value) {
    const auto labels = shm::text_of(value.entry->labels);
    const auto name = shm::text_of(value.entry->name);
    return labels.empty() ? std::string(name) : fmt::format("{}{{{}}}", name, labels);
}

/// Growth of a counter, or of a histogram's count, in a second; nothing without an earlier look.
std::optional<double> rate(const MetricsView& view, const Value& value) {
    if (view.seconds <= 0 || value.entry->kind == shm::MetricKind::gauge) return {};
    const auto* before = view.before.find(shm::text_of(value.entry->name), shm::text_of(value.entry->labels));
    if (before == nullptr) return {};
    const auto now = is_histogram(value) ? value.count() : value.scalar();
    const auto then = is_histogram(*before) ? before->count() : before->scalar();
    return now < then ? std::nullopt : std::optional(static_cast<double>(now - then) / view.seconds);
}

/// What batches saved: messages, were each update one.
double saved_percent(const shm::MetricsSnapshot& metrics) {
    return metrics.updates == 0
               ? 0
               : 100.0 * (1 - static_cast<double>(metrics.batch) / static_cast<double>(metrics.updates));
}

void print_scalars(const Options& options, const MetricsView& view, std::string_view filter) {
    using enum Table::Align;
    Table table({{"METRIC"}, {"VALUE", right}, {"RATE/s", right}});
    bool any = false;
    for (const auto& value : view.now.values) {
        if (is_histogram(value) || !wanted(value, filter)) continue;
        any = true;
        table.add(
            {full_name(value), std::to_string(static_cast<int64_t>(value.scalar())), rate_text(rate(view, value))});
    }
    if (any) table.print(options.headers);
}

void print_histograms(const Options& options, const MetricsView& view, std::string_view filter) {
    using enum Table::Align;
    Table table({{"METRIC"},
                 {"COUNT", right},
                 {"RATE/s", right},
                 {"P50", right},
                 {"P99", right},
                 {"P99.9", right},
                 {"MAX", right}});
    bool any = false;
    for (const auto& value : view.now.values) {
        if (!is_histogram(value) || !wanted(value, filter)) continue;
        any = true;
        table.add({full_name(value), count_text(value.count()), rate_text(rate(view, value)),
                   quantile_text(value, value.quantile(0.5)), quantile_text(value, value.quantile(0.99)),
                   quantile_text(value, value.quantile(0.999)), quantile_text(value, value.max())});
    }
    if (any) table.print(options.headers);
}

void append_value(Json& json, const MetricsView& view, const Value& value) {
    json.open_object()
        .field("name", shm::text_of(value.entry->name))
        .field("labels", shm::text_of(value.entry->labels))
        .field("unit", shm::text_of(value.entry->unit));
    json.field("help", shm::text_of(value.entry->help)).field("kind", name_of(value.entry->kind));
    if (is_histogram(value)) {
        json.field("count", value.count()).field("sum", value.sum()).field("p50", value.quantile(0.5));
        json.field("p99", value.quantile(0.99)).field("p999", value.quantile(0.999)).field("max", value.max());
    } else {
        json.field("value", static_cast<int64_t>(value.scalar()));
    }
    if (const auto found = rate(view, value)) json.field("rate", *found);
    json.close_object();
}

}  // namespace

std::string rate_text(std::optional<double> rate) {
    if (!rate) return "-";
    return *rate < 1000 ? fmt::format("{:.1f}", *rate) : count_text(static_cast<uint64_t>(*rate));
}

std::string short_span_text(uint64_t ns) {
    if (ns < 10'000) return fmt::format("{}ns", ns);
    if (ns < 10'000'000) return fmt::format("{:.1f}us", static_cast<double>(ns) / 1e3);
    return fmt::format("{:.1f}ms", static_cast<double>(ns) / 1e6);
}

std::string quantile_text(const shm::MetricsSnapshot::Value& value, uint64_t number) {
    return shm::text_of(value.entry->unit) == "ns" ? short_span_text(number) : count_text(number);
}

void print_metrics(const Options& options, const MetricsView& view, std::string_view filter) {
    put_line(fmt::format("{}: {} updates in {} batches, {:.1f} % fewer messages than one for each", view.process,
                         view.now.updates, view.now.batch, saved_percent(view.now)));
    print_scalars(options, view, filter);
    print_histograms(options, view, filter);
}

void append_metrics(Json& json, const MetricsView& view, std::string_view filter) {
    json.field("process", std::string_view(view.process)).field("batch", view.now.batch);
    json.field("updates", view.now.updates).field("saved_percent", saved_percent(view.now));
    json.key("metrics").open_array();
    for (const auto& value : view.now.values) {
        if (wanted(value, filter)) append_value(json, view, value);
    }
    json.close_array();
}

}  // namespace of::ofctl
