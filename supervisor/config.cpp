#include "supervisor/config.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <filesystem>

namespace of::supervisor {
namespace {

namespace fs = std::filesystem;
using settings::Key;
using settings::Kind;

std::string expects_name(std::string_view value) {
    const bool good = !value.empty() && value.size() <= 40 && std::ranges::all_of(value, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    });
    return good ? "" : "1 to 40 letters, digits, '-' or '_'";
}
std::string expects_name_or_none(std::string_view value) { return value.empty() ? "" : expects_name(value); }
std::string expects_path(std::string_view value) { return value.empty() ? "a path" : ""; }

constexpr Key instance_keys[] = {
    {.name = "name",
     .fallback = R"("orderflow")",
     .help = "names the shared-memory segments, /dev/shm/NAME.*",
     .expects = expects_name},
    {.name = "state_dir", .fallback = R"("/run/orderflow")", .help = "lock, control socket", .expects = expects_path},
    {.name = "data_dir", .fallback = R"("/var/lib/orderflow")", .help = "the store's files", .expects = expects_path},
    {.name = "log_dir", .fallback = R"("/var/log/orderflow")", .help = "the log's files", .expects = expects_path},
    {.name = "governor",
     .fallback = R"("")",
     .help = "the exchange's request limits are shared by all instances that name the same page, "
             "/dev/shm/NAME.governor; empty: of-host-UID, one for all of this user's",
     .expects = expects_name_or_none},
    {.name = "bin_dir", .fallback = R"("")", .help = "where the worker programs are; empty: beside ofsupervisor"},
};
constexpr Key supervisor_keys[] = {
    {.name = "ready_timeout_ms",
     .kind = Kind::integer,
     .fallback = "10000",
     .help = "a worker that is not ready by then is killed",
     .min = 100,
     .max = 600'000},
    {.name = "heartbeat_timeout_ms",
     .kind = Kind::integer,
     .fallback = "10000",
     .help = "a worker silent for so long is aborted",
     .min = 3'000,
     .max = 600'000},
    {.name = "stop_timeout_ms",
     .kind = Kind::integer,
     .fallback = "10000",
     .help = "a worker that has not drained by then is killed",
     .min = 100,
     .max = 600'000},
    {.name = "wait", .fallback = R"("sleep")", .help = "what an idle worker does", .choices = "sleep|yield|spin"},
};
constexpr Key restart_keys[] = {
    {.name = "first_delay_ms",
     .kind = Kind::integer,
     .fallback = "0",
     .help = "before the first restart after a healthy period",
     .min = 0,
     .max = 600'000},
    {.name = "delay_min_ms",
     .kind = Kind::integer,
     .fallback = "50",
     .help = "before the second restart; doubles from there",
     .min = 1,
     .max = 600'000},
    {.name = "delay_max_ms",
     .kind = Kind::integer,
     .fallback = "30000",
     .help = "the longest delay",
     .min = 1,
     .max = 3'600'000,
     .not_below = "delay_min_ms"},
    {.name = "jitter_percent",
     .kind = Kind::integer,
     .fallback = "20",
     .help = "random share of each delay",
     .min = 0,
     .max = 100},
    {.name = "healthy_after_ms",
     .kind = Kind::integer,
     .fallback = "60000",
     .help = "a worker ready for so long has its failures forgotten",
     .min = 1,
     .max = 86'400'000},
    {.name = "failures_max",
     .kind = Kind::integer,
     .fallback = "10",
     .help = "so many failures without a healthy period park the worker",
     .min = 1,
     .max = 1'000'000},
    {.name = "probe_ms",
     .kind = Kind::integer,
     .fallback = "60000",
     .help = "between two tries of a parked worker",
     .min = 100,
     .max = 86'400'000},
};
constexpr Key ring_keys[] = {
    {.name = "market_slots",
     .kind = Kind::integer,
     .fallback = "524288",
     .help = "slots of 128 bytes of each market ring",
     .min = 8192,
     .max = 1 << 26,
     .power_of_two = true},
    {.name = "log_slots",
     .kind = Kind::integer,
     .fallback = "4096",
     .help = "slots of 256 bytes of each log ring",
     .min = 256,
     .max = 1 << 24,
     .power_of_two = true},
    {.name = "trace_slots",
     .kind = Kind::integer,
     .fallback = "65536",
     .help = "slots of 64 bytes of each trace ring",
     .min = 256,
     .max = 1 << 26,
     .power_of_two = true},
};
constexpr Key trace_keys[] = {
    {.name = "sample",
     .kind = Kind::integer,
     .fallback = "1024",
     .help = "1 in so many pieces of work leaves trace hops; 1 for all, 0 for none",
     .min = 0,
     .max = 1'000'000'000},
};
constexpr Key breaker_keys[] = {
    {.name = "failures",
     .kind = Kind::integer,
     .fallback = "5",
     .help = "so many within the window open a breaker; 0 turns this rule off",
     .min = 0,
     .max = 32},
    {.name = "window_ms",
     .kind = Kind::integer,
     .fallback = "60000",
     .help = "what counts as recent",
     .min = 100,
     .max = 86'400'000},
    {.name = "rate_percent",
     .kind = Kind::integer,
     .fallback = "0",
     .help = "this share of failures in the window opens it as well; 0 turns this rule off",
     .min = 0,
     .max = 100},
    {.name = "calls_min",
     .kind = Kind::integer,
     .fallback = "20",
     .help = "calls in the window before their rate counts",
     .min = 1,
     .max = 1'000'000},
    {.name = "open_ms",
     .kind = Kind::integer,
     .fallback = "60000",
     .help = "how long it stays open at first; doubles with each trip in a row",
     .min = 1,
     .max = 86'400'000},
    {.name = "open_max_ms",
     .kind = Kind::integer,
     .fallback = "900000",
     .help = "the longest",
     .min = 1,
     .max = 86'400'000,
     .not_below = "open_ms"},
    {.name = "jitter_percent",
     .kind = Kind::integer,
     .fallback = "20",
     .help = "random share of each open time",
     .min = 0,
     .max = 100},
    {.name = "healthy_ms",
     .kind = Kind::integer,
     .fallback = "600000",
     .help = "closed for so long takes one doubling back",
     .min = 1,
     .max = 86'400'000},
    {.name = "probes",
     .kind = Kind::integer,
     .fallback = "1",
     .help = "calls let through when half-open; all must succeed",
     .min = 1,
     .max = 8},
    {.name = "probe_lease_ms",
     .kind = Kind::integer,
     .fallback = "30000",
     .help = "a probe that has not ended by then is given up",
     .min = 1,
     .max = 86'400'000},
};
constexpr settings::Section sections[] = {
    {"instance", instance_keys}, {"supervisor", supervisor_keys}, {"supervisor.restart", restart_keys},
    {"rings", ring_keys},        {"trace", trace_keys},           {"breaker", breaker_keys}};
constexpr std::array worker_kinds{ProcessKind::logger, ProcessKind::storage, ProcessKind::communication,
                                  ProcessKind::binance};

std::string own_folder() { return fs::read_symlink("/proc/self/exe").parent_path(); }

/// The lines that `of-X --check-config` printed, as problems.
void append_problems(const std::string& output, const std::string& path, std::vector<settings::Problem>& problems) {
    size_t from = 0;
    while (from < output.size()) {
        const auto end = std::min(output.find('\n', from), output.size());
        std::string_view line(output.data() + from, end - from);
        from = end + 1;
        if (!line.starts_with(path + ":")) continue;
        line.remove_prefix(path.size() + 1);
        settings::Problem problem;
        const auto [after_line, line_error] = std::from_chars(line.data(), line.data() + line.size(), problem.line);
        if (line_error == std::errc{} && *after_line == ':') {
            const auto [after_column, error] =
                std::from_chars(after_line + 1, line.data() + line.size(), problem.column);
            line.remove_prefix(static_cast<size_t>(after_column - line.data()) + 1);
        }
        problem.message = line.substr(std::min(line.find_first_not_of(' '), line.size()));
        problems.push_back(std::move(problem));
    }
}

std::string shell_quoted(const std::string& text) {
    std::string quoted = "'";
    for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return quoted + "'";
}

Expected<std::string> ask_worker(const std::string& program, const std::string& path) {
    const auto command = shell_quoted(program) + " --check-config " + shell_quoted(path);
    auto* pipe = popen(command.c_str(), "re");
    if (pipe == nullptr)
        return fail(ErrorKind::failed, fmt::format("{} could not be started to check the configuration", program));
    std::string output;
    std::array<char, 4096> buffer{};
    while (const auto bytes = fread(buffer.data(), 1, buffer.size(), pipe)) output.append(buffer.data(), bytes);
    const auto status = pclose(pipe);
    const bool answered = WIFEXITED(status) &&
                          (WEXITSTATUS(status) == code(ExitCode::ok) || WEXITSTATUS(status) == code(ExitCode::usage));
    if (!answered)
        return fail(ErrorKind::failed,
                    fmt::format("{} failed to check the configuration (status {})", program, status));
    return output;
}

}  // namespace

CheckedConfig read_config(const std::string& path) {
    std::vector<std::string_view> foreign;
    for (const auto kind : worker_kinds) foreign.push_back(name_of(kind));
    auto loaded = settings::load(path, sections, foreign);
    CheckedConfig checked{.config = {}, .problems = std::move(loaded.problems)};
    auto& config = checked.config;
    std::error_code ignored;
    config.path = fs::absolute(path, ignored);
    const auto base = fs::path(config.path).parent_path();
    const auto folder = [&](std::string_view key) {
        return (base / loaded["instance"].text(key)).lexically_normal().string();
    };
    config.instance = loaded["instance"].text("name");
    config.governor = loaded["instance"].text("governor");
    if (config.governor.empty()) config.governor = fmt::format("of-host-{}", geteuid());
    config.state_dir = folder("state_dir");
    config.data_dir = folder("data_dir");
    config.log_dir = folder("log_dir");
    if (!loaded["instance"].text("bin_dir").empty()) config.bin_dir = folder("bin_dir");
    const auto& own = loaded["supervisor"];
    config.wait = own.text("wait");
    config.ready_timeout_ns = own.integer("ready_timeout_ms") * ns_per_ms;
    config.heartbeat_timeout_ns = own.integer("heartbeat_timeout_ms") * ns_per_ms;
    config.stop_timeout_ns = own.integer("stop_timeout_ms") * ns_per_ms;
    const auto& restart = loaded["supervisor.restart"];
    config.restart = {.first_delay_ns = restart.integer("first_delay_ms") * ns_per_ms,
                      .delay_min_ns = restart.integer("delay_min_ms") * ns_per_ms,
                      .delay_max_ns = restart.integer("delay_max_ms") * ns_per_ms,
                      .jitter_percent = restart.integer("jitter_percent"),
                      .healthy_after_ns = restart.integer("healthy_after_ms") * ns_per_ms,
                      .failures_max = restart.integer("failures_max"),
                      .probe_ns = restart.integer("probe_ms") * ns_per_ms};
    const auto& rings = loaded["rings"];
    config.slots = {{ChannelKind::market, static_cast<uint64_t>(rings.integer("market_slots"))},
                    {ChannelKind::log, static_cast<uint64_t>(rings.integer("log_slots"))},
                    {ChannelKind::trace, static_cast<uint64_t>(rings.integer("trace_slots"))}};
    config.trace_sample = static_cast<uint64_t>(loaded["trace"].integer("sample"));
    for (const auto& key : breaker_keys)
        config.breaker +=
            fmt::format("{}{}={}", config.breaker.empty() ? "" : ",", key.name, loaded["breaker"].integer(key.name));
    return checked;
}

Expected<std::vector<settings::Problem>> check_whole_file(const CheckedConfig& checked) {
    auto problems = checked.problems;
    // A file that cannot be read, or is no TOML, would be reported by every worker again.
    const bool unreadable = std::ranges::any_of(
        problems, [](const auto& problem) { return problem.line == 0 && problem.message.starts_with("cannot"); });
    if (unreadable) return problems;
    for (const auto kind : worker_kinds) {
        const auto output = worker_program(checked.config, kind).and_then([&](const std::string& program) {
            return ask_worker(program, checked.config.path);
        });
        if (!output) return tl::make_unexpected(output.error());
        append_problems(*output, checked.config.path, problems);
    }
    const auto key = [](const settings::Problem& problem) {
        return std::tuple(problem.line, problem.column, problem.message);
    };
    std::ranges::sort(problems, {}, key);
    const auto twice = std::ranges::unique(problems, {}, key);
    problems.erase(twice.begin(), twice.end());
    return problems;
}

Expected<std::string> worker_program(const Config& config, ProcessKind kind) {
    const auto name = fmt::format("of-{}", name_of(kind));
    const auto beside = config.bin_dir.empty() ? own_folder() : config.bin_dir;
    for (const auto& candidate :
         {fmt::format("{}/{}", beside, name), fmt::format("{}/../workers/{}/{}", beside, name_of(kind), name)}) {
        if (access(candidate.c_str(), X_OK) == 0) return fs::path(candidate).lexically_normal().string();
    }
    return fail(ErrorKind::missing,
                fmt::format("worker program {} is not in {}; set [instance] bin_dir", name, beside));
}

std::string describe_config() {
    std::string text;
    for (const auto& section : sections) text += "\n" + settings::describe(section);
    return text;
}

}  // namespace of::supervisor
