// ofctl errors: each different warning and error of every process once; of a live, dead or copied instance.
#include <fmt/format.h>

#include <algorithm>

#include "proto/log_catalog.hpp"
#include "shm/error_page.hpp"
#include "supervisor/ofctl/json.hpp"
#include "supervisor/ofctl/print.hpp"
#include "supervisor/ofctl/verbs.hpp"

namespace of::ofctl {
namespace {

struct ErrorRow {
    std::string process;
    shm::DistinctError error;
    LogRecord record;
};

std::vector<ErrorRow> rows_of(const std::vector<PageOf<shm::ErrorPage>>& pages, const Options& options) {
    const auto since = options.since_s > 0 ? wall_now() - static_cast<int64_t>(options.since_s * 1e9) : INT64_MIN;
    std::vector<ErrorRow> rows;
    for (const auto& page : pages) {
        for (size_t i = 0; i < shm::errors_max; ++i) {
            ErrorRow row{page.process, {}, {}};
            if (!page.content().read(i, row.error) || row.error.last_wall_ns < since) continue;
            std::memcpy(static_cast<void*>(&row.record), row.error.content.data(), sizeof row.record);
            rows.push_back(std::move(row));
        }
    }
    std::ranges::sort(rows, std::greater{}, [](const ErrorRow& row) { return row.error.last_wall_ns; });
    return rows;
}

void print_table(const Options& options, const std::vector<ErrorRow>& rows) {
    using enum Table::Align;
    Table table({{"LAST"}, {"COUNT", right}, {"OVER", right}, {"LEVEL"}, {"PROCESS"}, {"WHAT"}});
    for (const auto& row : rows) {
        const auto tone = row.record.level == LogLevel::error ? Tone::bad : Tone::warn;
        table.add({wall_text(row.error.last_wall_ns),
                   count_text(row.error.count),
                   span_text(row.error.last_wall_ns - row.error.first_wall_ns),
                   {std::string(name_of(row.record.level)), tone},
                   row.process,
                   render(row.record)});
    }
    table.print(options.headers);
}

void print_json(const Options& options, const std::vector<ErrorRow>& rows, uint64_t evicted) {
    Json json;
    json.open_document("errors").field("evicted", evicted).open_rows("errors");
    for (const auto& row : rows) {
        json.open_row(sentence(row.record.id).name).field("process", std::string_view(row.process));
        json.field("name", sentence(row.record.id).name);
        json.field("level", name_of(row.record.level)).field("count", row.error.count);
        json.field("first_wall_ns", row.error.first_wall_ns).field("last_wall_ns", row.error.last_wall_ns);
        json.field("last_correlation", std::string_view(to_string(CorrelationId{row.error.last_correlation})));
        json.field("text", std::string_view(render(row.record))).close_row();
    }
    put_json(options, json.close_array().close_object());
}

}  // namespace

int errors(const Options& options) {
    const auto view = View::open(options.source);
    if (!view) return refuse(options, view.error());
    const auto pages = open_pages<shm::ErrorPage>(*view, "error", options.worker);
    if (!pages) return refuse(options, pages.error());
    const auto rows = rows_of(*pages, options);
    uint64_t evicted = 0;
    for (const auto& page : *pages) evicted += page.content().evicted.load(std::memory_order_relaxed);
    if (options.json) {
        print_json(options, rows, evicted);
        return code(ExitCode::ok);
    }
    if (rows.empty()) put_line("no warnings and no errors");
    if (!rows.empty()) print_table(options, rows);
    if (evicted != 0) put_line(fmt::format("{} that had been quiet for long gave way to newer ones", evicted));
    return code(ExitCode::ok);
}

}  // namespace of::ofctl
