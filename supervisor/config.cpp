#include "supervisor/config.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <charconv>
#include <filesystem>

#include "supervisor/asking.hpp"
#include "supervisor/config_sections.hpp"
#include "supervisor/sealed_text.hpp"

namespace of::supervisor {
namespace {

namespace fs = std::filesystem;
/// An idle worker beats once a second.
constexpr int64_t heartbeat_timeout_min_ms = 3000;
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

RestartSettings read_restart(const settings::Values& values) {
    RestartSettings restart{.first_delay_ns = values.integer("first_delay_ms") * ns_per_ms,
                            .delay_min_ns = values.integer("delay_min_ms") * ns_per_ms,
                            .delay_max_ns = values.integer("delay_max_ms") * ns_per_ms,
                            .jitter_percent = values.integer("jitter_percent"),
                            .healthy_after_ns = values.integer("healthy_after_ms") * ns_per_ms,
                            .failures_max = values.integer("failures_max"),
                            .probe_ns = values.integer("probe_ms") * ns_per_ms};
    for (const auto& death : values.text_list("park_on")) restart.park.push_back(parse_death(death));
    return restart;
}

Resources read_resources(const settings::Values& values) {
    const auto core_mb = values.integer("core_mb");
    return {.cpus = parse_cpus(values.text("cpus")).value_or(std::vector<int>{}),
            .nice = static_cast<int>(values.integer("nice")),
            .realtime_priority = static_cast<int>(values.integer("realtime_priority")),
            .oom_score_adjust = static_cast<int>(values.integer("oom_score_adjust")),
            .open_files = values.integer("open_files"),
            .core_bytes = core_mb < 0 ? -1 : core_mb << 20,
            .locked_bytes = values.integer("locked_mb") << 20,
            .lock_memory = values.boolean("lock_memory")};
}

/// [supervisor.NAME] over [supervisor] and [supervisor.restart].
WorkerConfig read_worker(const settings::Loaded& loaded, ProcessKind kind, std::vector<settings::Problem>& problems) {
    const auto section = fmt::format("supervisor.{}", name_of(kind));
    const auto& own = loaded[section];
    const auto ns_of = [&](std::string_view key) {
        const auto special = own.integer(key);
        return (special != 0 ? special : loaded["supervisor"].integer(key)) * ns_per_ms;
    };
    WorkerConfig worker{.member = {.restart = read_restart(loaded["supervisor.restart"]),
                                   .ready_timeout_ns = ns_of("ready_timeout_ms"),
                                   .heartbeat_timeout_ns = ns_of("heartbeat_timeout_ms"),
                                   .stop_timeout_ns = ns_of("stop_timeout_ms")},
                        .resources = read_resources(own),
                        .limits = {.memory_bytes = own.integer("memory_mb") << 20,
                                   .cpu_weight = own.integer("cpu_weight"),
                                   .tasks_max = own.integer("tasks_max")},
                        .sandbox = std::string(own.text("sandbox")),
                        .finish_hook = std::string(own.text("finish_hook"))};
    if (worker.sandbox == "inherit") worker.sandbox = loaded["supervisor"].text("sandbox");
    if (worker.finish_hook.empty()) worker.finish_hook = loaded["supervisor"].text("finish_hook");
    auto& restart = worker.member.restart;
    if (own.integer("failures_max") != 0) restart.failures_max = own.integer("failures_max");
    if (own.integer("delay_max_ms") != 0) restart.delay_max_ns = own.integer("delay_max_ms") * ns_per_ms;
    restart.delay_min_ns = std::min(restart.delay_min_ns, restart.delay_max_ns);
    const auto heartbeat = own.integer("heartbeat_timeout_ms");
    if (heartbeat != 0 && heartbeat < heartbeat_timeout_min_ms)
        problems.push_back({0, 0,
                            fmt::format("[{}] heartbeat_timeout_ms is {}; expected 0 or at least {}", section,
                                        heartbeat, heartbeat_timeout_min_ms)});
    const auto open_files = worker.resources.open_files;
    if (open_files != 0 && open_files < open_files_min)
        problems.push_back(
            {0, 0,
             fmt::format("[{}] open_files is {}; expected 0 or at least {}", section, open_files, open_files_min)});
    return worker;
}

}  // namespace

ConfigText::ConfigText(const std::string& path) {
    const auto read = settings::read_text(path);
    const auto* text = std::get_if<std::string>(&read);
    if (text != nullptr) descriptor_ = sealed_text("orderflow.toml", *text);
}

ConfigText ConfigText::adopt(int descriptor) {
    ConfigText adopted;
    adopted.descriptor_ = descriptor;
    return adopted;
}

ConfigText::~ConfigText() {
    if (descriptor_ >= 0) close(descriptor_);
}

std::string ConfigText::text() const {
    const auto read = settings::read_text(fmt::format("/proc/self/fd/{}", descriptor_));
    const auto* text = std::get_if<std::string>(&read);
    return text == nullptr ? "" : *text;
}

/// Under another name first: a reader sees the old text or the new one.
void ConfigText::publish(const std::string& state_dir) const {
    const auto path = state_dir + "/config.running";
    const auto fresh = path + ".new";
    const int file = open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0) return;
    const auto now = text();
    const bool whole = write(file, now.data(), now.size()) == static_cast<ssize_t>(now.size());
    close(file);
    if (!whole || rename(fresh.c_str(), path.c_str()) != 0) unlink(fresh.c_str());
}

CheckedConfig read_config(const std::string& path, int text) {
    std::vector<std::string_view> foreign;
    for (const auto kind : worker_kinds) foreign.push_back(name_of(kind));
    auto loaded = settings::load(text, path, config_sections(), foreign);
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
    config.wait = loaded["supervisor"].text("wait");
    config.cgroups = loaded["supervisor"].text("cgroups") == "auto";
    config.keep_orphans = loaded["supervisor"].text("orphans") == "keep";
    for (const auto kind : worker_kinds) config.workers[kind] = read_worker(loaded, kind, checked.problems);
    const auto& rings = loaded["rings"];
    config.slots = {{ChannelKind::market, static_cast<uint64_t>(rings.integer("market_slots"))},
                    {ChannelKind::log, static_cast<uint64_t>(rings.integer("log_slots"))},
                    {ChannelKind::trace, static_cast<uint64_t>(rings.integer("trace_slots"))}};
    const auto& post_mortem = loaded["postmortem"];
    config.post_mortem = {post_mortem.boolean("enabled"), post_mortem.integer("keep"), post_mortem.integer("total_mb"),
                          post_mortem.integer("bundle_mb")};
    config.trace_sample = static_cast<uint64_t>(loaded["trace"].integer("sample"));
    for (const auto& key : breaker_rules())
        config.breaker +=
            fmt::format("{}{}={}", config.breaker.empty() ? "" : ",", key.name, loaded["breaker"].integer(key.name));
    return checked;
}

Expected<std::vector<settings::Problem>> check_whole_file(const CheckedConfig& checked, int text) {
    auto problems = checked.problems;
    // A file that cannot be read, or is no TOML, would be reported by every worker again.
    const bool unreadable = std::ranges::any_of(
        problems, [](const auto& problem) { return problem.line == 0 && problem.message.starts_with("cannot"); });
    if (unreadable) return problems;
    for (const auto kind : worker_kinds) {
        const auto output = worker_program(checked.config, kind).and_then([&](const std::string& program) {
            std::vector<std::string> words{"--check-config", checked.config.path, "--config-fd", std::to_string(text)};
            return ask_worker(program, std::move(words), text < 0 ? std::vector<int>() : std::vector{text});
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

std::string autopsy_program(const Config& config) {
    const auto beside = own_folder();
    for (const auto& folder : {config.bin_dir.empty() ? beside : config.bin_dir, beside, beside + "/autopsy"})
        if (const auto path = folder + "/of-autopsy"; access(path.c_str(), X_OK) == 0) return path;
    return "";
}

namespace {

/// Why there is no answer, of a program that was run for so long; "" when it has answered.
std::string unanswered(int exit_code, const std::string& output, std::chrono::steady_clock::duration run) {
    if (exit_code < 0 && run >= Asking::time_limit)
        return fmt::format("did not end within {} s", Asking::time_limit / std::chrono::seconds(1));
    if (exit_code < 0) return "was ended by a signal";
    if (output.size() >= Asking::output_bytes_max)
        return fmt::format("said more than {} bytes", Asking::output_bytes_max);
    if (exit_code == code(ExitCode::ok) || exit_code == code(ExitCode::usage)) return "";
    return fmt::format("failed with code {}{}{}", exit_code, output.empty() ? "" : ": ",
                       output.substr(0, output.find('\n')));
}

}  // namespace

Expected<std::string> ask_worker(const std::string& program, std::vector<std::string> arguments,
                                 std::vector<int> inherited) {
    boost::asio::io_context io;
    Asking asking(io);
    int exit_code = -1;
    std::string output;
    const auto begun_at = std::chrono::steady_clock::now();
    const auto begun = asking.begin({.path = program,
                                     .argv = std::move(arguments),
                                     .inherited = std::move(inherited),
                                     .joins_output = true,
                                     .resources = {}},
                                    [&](int ended_with, const std::string& text) {
                                        exit_code = ended_with;
                                        output = text;
                                    });
    if (!begun) return tl::make_unexpected(begun.error());
    io.run();
    const auto why = unanswered(exit_code, output, std::chrono::steady_clock::now() - begun_at);
    if (!why.empty())
        return fail(ErrorKind::failed, fmt::format("{} was asked about the configuration, and {}", program, why));
    return output;
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

}  // namespace of::supervisor
