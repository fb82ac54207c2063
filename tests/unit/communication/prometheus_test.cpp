#include "workers/communication/prometheus.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <regex>
#include <set>
#include <sstream>

#include "shm/prometheus_text.hpp"

using namespace of;
using namespace of::communication;

namespace {

/// The metrics of one process, as they come from its page.
struct Page {
    std::unique_ptr<shm::MetricsPage> memory{new shm::MetricsPage()};
    shm::MetricsWriter writer{*memory};

    void set(shm::MetricKind kind, const char* name, const char* labels, const char* help, int64_t value,
             const char* unit = "") {
        writer.set(writer.add(kind, name, labels, unit, help), static_cast<uint64_t>(value));
    }
    Status::Page take(std::string worker) {
        writer.publish(1, 0);
        return {std::move(worker), shm::snapshot(*memory)};
    }
};

bool has_line(const std::string& text, const std::string& line) {
    return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

}  // namespace

TEST_CASE("prometheus: one family, one HELP and TYPE, whoever has it") {
    Page one;
    Page two;
    one.set(shm::MetricKind::counter, "rows_total", "table=\"trades\"", "Rows", 5);
    one.set(shm::MetricKind::counter, "rows_total", "table=\"agg\"", "Rows", 6);
    two.set(shm::MetricKind::counter, "rows_total", "", "Rows", 7);
    two.set(shm::MetricKind::gauge, "level", "", "Up and down", -3);
    two.set(shm::MetricKind::gauge, "wait_ms", "", "Waiting", 1500, "ms");
    const auto text =
        render_prometheus({.pages = {one.take("storage"), two.take("binance.1")}, .instance = "i", .version = "1"});
    CHECK(has_line(text, "orderflow_rows_total{worker=\"storage\",table=\"trades\"} 5"));
    CHECK(has_line(text, "orderflow_rows_total{worker=\"storage\",table=\"agg\"} 6"));
    CHECK(has_line(text, "orderflow_rows_total{worker=\"binance.1\"} 7"));
    CHECK(has_line(text, "orderflow_level{worker=\"binance.1\"} -3"));
    CHECK(has_line(text, "orderflow_wait_seconds{worker=\"binance.1\"} 1.5"));
    CHECK(has_line(text, "orderflow_metric_updates_total{worker=\"binance.1\"} 3"));
    CHECK(has_line(text, "orderflow_metric_batches_total{worker=\"binance.1\"} 1"));
    CHECK(has_line(text, "# TYPE orderflow_rows_total counter"));
    const auto first = text.find("# HELP orderflow_rows_total");
    CHECK(text.find("# HELP orderflow_rows_total", first + 1) == std::string::npos);
}

TEST_CASE("prometheus: a histogram's buckets are cumulative and exact, and agree with its count") {
    Page page;
    const auto wait = page.writer.add(shm::MetricKind::histogram, "wait_ns", "", "ns", "Waiting");
    const std::vector<uint64_t> values{0, 1023, 1024, 1'000'000, 3'000'000'000, (uint64_t{1} << 40) - 1};
    for (const auto value : values) page.writer.record(wait, value);
    const auto text = render_prometheus({.pages = {page.take("w")}, .instance = "i", .version = "1"});
    const std::regex line("orderflow_wait_seconds_bucket\\{worker=\"w\",le=\"([0-9.e-]+|\\+Inf)\"\\} ([0-9]+)");
    uint64_t before = 0;
    size_t lines = 0;
    for (std::sregex_iterator at(text.begin(), text.end(), line), end; at != end; ++at, ++lines) {
        const auto count = std::stoull((*at)[2]);
        const auto bound = (*at)[1] == "+Inf" ? std::numeric_limits<uint64_t>::max()
                                              : static_cast<uint64_t>(std::llround(std::stod((*at)[1]) * 1e9));
        CHECK(count ==
              static_cast<uint64_t>(std::ranges::count_if(values, [&](uint64_t value) { return value <= bound; })));
        CHECK(count >= before);
        before = count;
    }
    CHECK(lines == 28);
    CHECK(has_line(text, "orderflow_wait_seconds_count{worker=\"w\"} 6"));
    CHECK(has_line(text, "# TYPE orderflow_wait_seconds histogram"));
}

TEST_CASE("prometheus: labels and help are escaped") {
    CHECK(shm::escape_label("a\\b\"c\nd") == "a\\\\b\\\"c\\nd");
    CHECK(shm::escape_help("a\\b\"c\nd") == "a\\\\b\"c\\nd");
}

TEST_CASE("prometheus: every line is a comment or a sample, and families are not torn apart") {
    Page page;
    page.set(shm::MetricKind::counter, "a_total", "", "First\nline", 1);
    const std::vector<WorkerView> workers{{"storage", WorkerState::running, 5, 2, 1, 61'001, 3, true},
                                          {"binance", WorkerState::failed, 0, 1, 0, 0, 0, false}};
    const std::vector<RingView> rings{{"market.0", 10, 8, {{"storage", 2, 0}, {"communication", 0, 1}}}};
    const auto text = render_prometheus(
        {.pages = {page.take("w")}, .workers = workers, .rings = rings, .instance = "i", .version = "1"});
    const std::regex sample("([a-z_]+)(\\{([a-z_]+=\"[^\"]*\",?)*\\})? -?[0-9.]+");
    std::istringstream lines(text);
    std::set<std::string> closed;
    std::string current;
    for (std::string line; std::getline(lines, line);) {
        std::smatch match;
        const bool comment = line.starts_with("# HELP ") || line.starts_with("# TYPE ");
        REQUIRE((comment || std::regex_match(line, match, sample)));
        const auto name = comment ? line.substr(7, line.find(' ', 7) - 7) : match[1].str();
        if (name != current) CHECK(closed.insert(name).second);
        current = name;
    }
    CHECK(has_line(text, "orderflow_worker_up{worker=\"storage\"} 1"));
    CHECK(has_line(text, "orderflow_worker_up{worker=\"binance\"} 0"));
    CHECK(has_line(text, "orderflow_worker_uptime_seconds{worker=\"storage\"} 61.001"));
    CHECK(has_line(text, "orderflow_worker_state{worker=\"binance\",state=\"failed\"} 1"));
    CHECK(has_line(text, "orderflow_ring_lag{ring=\"market.0\",reader=\"storage\"} 2"));
    CHECK(has_line(text, "orderflow_ring_lost_total{ring=\"market.0\",reader=\"communication\"} 1"));
}
