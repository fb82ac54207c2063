// of-logger: the only process that opens log files.
#include "workers/logger/merge.hpp"

namespace {

using namespace of;
using settings::Key;
using settings::Kind;

constexpr Key keys[] = {
    {.name = "format",
     .fallback = R"("text")",
     .help = "text for people, json: one object a line",
     .choices = "text|json"},
    {.name = "level",
     .fallback = R"("info")",
     .help = "records below it are not written",
     .choices = "debug|info|warn|error"},
    {.name = "rotate_bytes",
     .kind = Kind::integer,
     .fallback = "67108864",
     .help = "a file grows to at most so many bytes",
     .min = 4096,
     .max = int64_t{1} << 40},
    {.name = "keep_files",
     .kind = Kind::integer,
     .fallback = "8",
     .help = "rotated files kept beside the current one",
     .min = 0,
     .max = 1000},
    {.name = "repeats_per_second",
     .kind = Kind::integer,
     .fallback = "100",
     .help = "lines of one sentence from one process; 0: no limit",
     .min = 0,
     .max = 1'000'000},
};
constexpr settings::Section sections[] = {{"logger", keys}};

LogLevel level_of(std::string_view name) {
    for (const auto level : {LogLevel::debug, LogLevel::info, LogLevel::warn, LogLevel::error}) {
        if (name_of(level) == name) return level;
    }
    return LogLevel::info;
}

std::unique_ptr<Worker> make_logger(Runtime& runtime, const settings::Loaded& loaded) {
    const auto& values = loaded["logger"];
    return std::make_unique<logger::Merge>(
        runtime, logger::MergeSettings{
                     .format = values.text("format") == "json" ? logger::LineFormat::json : logger::LineFormat::text,
                     .least = level_of(values.text("level")),
                     .repeats_per_second = static_cast<uint64_t>(values.integer("repeats_per_second")),
                     .file = {.folder = runtime.options().log_dir,
                              .rotate_bytes = static_cast<uint64_t>(values.integer("rotate_bytes")),
                              .keep_files = values.integer("keep_files")}});
}

}  // namespace

int main(int argc, char** argv) {
    return run_worker({ProcessKind::logger, "Writes the log of all processes, merged by time.", sections}, argc, argv,
                      make_logger);
}
