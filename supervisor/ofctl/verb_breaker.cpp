// ofctl breaker: the circuit breakers of all workers; trip, reset or force one.
//
// Reading needs only the pages. A change goes over the supervisor to the worker, which alone writes its page; it is
// done when the page shows it.
#include <fmt/format.h>

#include <charconv>

#include "proto/control.hpp"
#include "supervisor/ofctl/breaker_rows.hpp"
#include "supervisor/ofctl/control_client.hpp"
#include "supervisor/ofctl/json.hpp"
#include "supervisor/ofctl/print.hpp"

namespace of::ofctl {
namespace {

using shm::BreakerState;

void print_table(const Options& options, const std::vector<BreakerRow>& rows) {
    using enum Table::Align;
    Table table({{"BREAKER"},
                 {"STATE"},
                 {"RECENT", right},
                 {"ERR%", right},
                 {"TRIPS", right},
                 {"REFUSED", right},
                 {"ENDS IN", right},
                 {"REASON"}});
    for (const auto& row : rows) {
        table.add({row.id(),
                   {std::string(name_of(row.state)), row.tone()},
                   std::to_string(row.recent_failures()),
                   row.error_text(),
                   count_text(row.of(row.record->trips)),
                   count_text(row.of(row.record->refused)),
                   row.ends_text(),
                   row.forced() ? row.text(row.record->reason).substr(0, 24) : ""});
    }
    table.print(options.headers);
}

void append_error_rate(Json& json, const RecentCalls& recent) {
    json.field("recent_calls", recent.calls).key("error_percent");
    const auto percent = recent.error_percent();
    percent ? json.value(*percent) : json.null();
}

void append_json(Json& json, const BreakerRow& row) {
    const auto& record = *row.record;
    json.field("process", std::string_view(row.process)).field("breaker", std::string_view(row.name));
    json.field("state", name_of(row.state)).field("generation", record.generation.load());
    json.field("recent_failures", row.recent_failures());
    append_error_rate(json, row.recent_calls());
    json.field("trips_in_row", record.trips_in_row.load());
    for (const auto& [name, counter] :
         {std::pair("allowed", &record.allowed), std::pair("refused", &record.refused),
          std::pair("succeeded", &record.succeeded), std::pair("failed", &record.failed),
          std::pair("ignored", &record.ignored), std::pair("late", &record.late), std::pair("trips", &record.trips),
          std::pair("leases_lost", &record.leases_lost)})
        json.field(name, row.of(*counter));
    if (const auto ends = row.ends_in_ns()) json.field("ends_in_ms", *ends / 1'000'000);
    json.field("reason", std::string_view(row.text(record.reason)));
    json.field("last_failure", std::string_view(row.text(record.last_failure)));
    json.field("last_failure_wall_ns", record.last_failure_wall_ns.load());
    json.field("last_correlation", std::string_view(to_string(CorrelationId{record.last_correlation.load()})));
    json.field("failures_max", record.failures_max.load()).field("window_ms", record.window_ns.load() / 1'000'000);
    json.field("rate_percent", record.rate_percent.load()).field("calls_min", record.calls_min.load());
    json.field("open_ms", record.open_ns.load() / 1'000'000)
        .field("open_max_ms", record.open_max_ns.load() / 1'000'000);
    json.field("probes", record.probes.load());
}

int list(const Options& options, const std::vector<BreakerRow>& rows) {
    if (!options.json) {
        print_table(options, rows);
        return code(ExitCode::ok);
    }
    Json json;
    json.open_document("breakers").open_rows("breakers");
    for (const auto& row : rows) {
        json.open_row(row.id());
        append_json(json, row);
        json.close_row();
    }
    put_json(options, json.close_array().close_object());
    return code(ExitCode::ok);
}

/// "1m00s 2m00s 4m00s ...": what the next trips in a row would cost.
std::string schedule(const shm::BreakerRecord& record) {
    const shm::BreakerRules rules{.open_ns = record.open_ns.load(), .open_max_ns = record.open_max_ns.load()};
    std::string text;
    for (uint32_t trips = 0; trips < 8; ++trips)
        text += (text.empty() ? "" : " ") + span_text(shm::Breaker::open_time_ns(rules, trips));
    return text;
}

/// "5 failures (2 now) or 50 % of 20 calls", as far as the rules are on.
std::string trip_rule(const BreakerRow& row) {
    const auto failures = row.record->failures_max.load();
    const auto percent = row.record->rate_percent.load();
    std::string text = failures == 0 ? "" : fmt::format("{} failures ({} now)", failures, row.recent_failures());
    if (percent != 0)
        text += fmt::format("{}{} % of {} calls", text.empty() ? "" : " or ", percent, row.record->calls_min.load());
    return text.empty() ? "nothing: both rules are off," : text;
}

int show(const Options& options, const BreakerRow& row) {
    if (options.json) {
        Json json;
        json.open_document("breaker");
        append_json(json, row);
        put_json(options, json.close_object());
        return code(ExitCode::ok);
    }
    const auto& record = *row.record;
    put_line(fmt::format("{}: {}, generation {}, ends in {}", row.id(), name_of(row.state), record.generation.load(),
                         row.ends_text()));
    put_line(fmt::format("calls     {} allowed, {} refused; {} succeeded, {} failed, {} ignored, {} late",
                         row.of(record.allowed), row.of(record.refused), row.of(record.succeeded),
                         row.of(record.failed), row.of(record.ignored), row.of(record.late)));
    put_line(fmt::format("trips     {} in all, {} in a row; {} probes never reported", row.of(record.trips),
                         record.trips_in_row.load(), row.of(record.leases_lost)));
    put_line(fmt::format("opens at  {} within {}", trip_rule(row), span_text(record.window_ns.load())));
    const auto recent = row.recent_calls();
    put_line(fmt::format("in it     {} of {} calls failed: {} %", recent.failures, recent.calls, row.error_text()));
    put_line(fmt::format("open for  {}, {} probes", schedule(record), record.probes.load()));
    if (const auto why = row.text(record.last_failure); !why.empty())
        put_line(fmt::format("last      {} {} ({})", wall_text(record.last_failure_wall_ns.load()), why,
                             to_string(CorrelationId{record.last_correlation.load()})));
    if (const auto reason = row.text(record.reason); !reason.empty()) put_line(fmt::format("reason    {}", reason));
    return code(ExitCode::ok);
}

/// "250ms", "30s", "5m", "2h" in ns; nothing for any other text.
std::optional<int64_t> parse_span(std::string_view text) {
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
    const int64_t factor = unit == "ms"  ? 1'000'000
                           : unit == "s" ? 1'000'000'000
                           : unit == "m" ? 60'000'000'000
                           : unit == "h" ? 3'600'000'000'000
                                         : 0;
    if (error != std::errc{} || factor == 0 || value <= 0 || value > 1'000'000) return {};
    return value * factor;
}

int change(const Options& options, const BreakerPages& pages, const BreakerRow& row) {
    const auto action = options.action == "disable" ? "close" : options.action;
    const auto for_ns = options.span.empty() ? std::optional<int64_t>(0) : parse_span(options.span);
    if (!for_ns)
        return refuse(options, {ErrorKind::invalid,
                                fmt::format("--for must be such as 250ms, 30s, 5m or 2h, found \"{}\"", options.span)});
    if (!options.span.empty() && action != "open" && action != "close")
        return refuse(options,
                      {ErrorKind::invalid, fmt::format("--for is for open and close; {} has no end", options.action)});
    const auto answer =
        request(options, fmt::format("breaker {} {} {} {} {}", row.process, row.name, action, *for_ns, options.reason));
    if (!answer) return refuse(options, answer.error());
    if (answer->exit_code != 0 || options.dry_run) return tell(options, answer->exit_code, answer->text);
    const auto command = parse_correlation(answer->text.substr(0, answer->text.find(' ')));
    if (!command) return tell(options, code(ExitCode::failed), "the supervisor's answer names no command");
    const auto obeyed = [&] { return row.record->last_command.load(std::memory_order_acquire) == command->value; };
    if (!wait_for(options.timeout_s, obeyed))
        return tell(options, code(ExitCode::timed_out),
                    fmt::format("{} has not obeyed within {} s", row.process, options.timeout_s));
    for (const auto& now : rows_of(pages)) {
        if (now.id() == row.id()) return list(options, {now});
    }
    return code(ExitCode::failed);
}

}  // namespace

int breaker(const Options& options) {
    const auto view = View::open(options.source);
    if (!view) return refuse(options, view.error());
    const auto pages = open_pages<shm::BreakerPage>(*view, "breaker", options.worker);
    if (!pages) return refuse(options, pages.error());
    const auto rows = rows_of(*pages);
    if (options.action.empty() || options.action == "ls") return list(options, rows);
    if (options.names.empty())
        return refuse(options, {ErrorKind::invalid,
                                fmt::format("which? ofctl breaker {} PROCESS/BREAKER, such as {}", options.action,
                                            rows.empty() ? "binance/rest" : rows.front().id())});
    const auto found = std::ranges::find(rows, options.names.front(), &BreakerRow::id);
    if (found == rows.end())
        return refuse(options,
                      {ErrorKind::missing,
                       fmt::format("there is no circuit breaker {}; ofctl breaker lists them", options.names.front())});
    return options.action == "show" ? show(options, *found) : change(options, *pages, *found);
}

}  // namespace of::ofctl
