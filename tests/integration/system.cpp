#include "tests/integration/system.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace of::integration {
namespace {

namespace fs = std::filesystem;
constexpr auto start_limit = 30s;
constexpr auto stop_limit = 60s;

/// A text as TOML writes it.
std::string toml(const std::string& text) {
    std::string quoted = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') quoted += '\\';
        quoted += c;
    }
    return quoted + "\"";
}

std::string toml_list(const std::vector<std::string>& texts) {
    std::string list;
    for (const auto& text : texts) list += (list.empty() ? "" : ", ") + toml(text);
    return "[" + list + "]";
}

/// Kills are what this run is about: the policy forgives each at once, and never gives up.
constexpr const char* restart_policy = R"([supervisor.restart]
first_delay_ms = 0
delay_min_ms = 10
delay_max_ms = 200
jitter_percent = 20
healthy_after_ms = 1
failures_max = 1000000
)";

}  // namespace

Expected<std::unique_ptr<System>> System::make(const RunOptions& options) {
    std::unique_ptr<System> system(new System(options));
    if (auto prepared = system->prepare(); !prepared) return tl::make_unexpected(prepared.error());
    return system;
}

Expected<void> System::prepare() {
    std::error_code error;
    auto pattern = (fs::temp_directory_path(error) / "of-tape-XXXXXX").string();
    if (error || mkdtemp(pattern.data()) == nullptr)
        return fail(ErrorKind::failed, fmt::format("no temporary folder {}: {}", pattern, std::strerror(errno)));
    folder_ = pattern;
    instance_ = fmt::format("tape-{}", getpid());
    for (const auto* part : {"exchange", "data", "log", "state"}) fs::create_directory(folder_ + "/" + part, error);
    const auto port = free_port();
    if (!port) return tl::make_unexpected(port.error());
    api_.emplace(*port);
    return {};
}

std::vector<std::string> System::exchange_arguments() const {
    std::vector<std::string> arguments{"--state-dir", folder_ + "/exchange", "--die-with-parent"};
    const auto add = [&](const std::string& name, const std::string& value) {
        arguments.insert(arguments.end(), {name, value});
    };
    if (options_.synthetic()) {
        arguments.emplace_back("--synthetic");
        add("--seed", std::to_string(options_.seed));
        add("--rate", fmt::to_string(options_.rate));
    } else {
        add("--tape", options_.tape);
        add("--speed", options_.speed);
    }
    add("--symbols", fmt::format("{}", fmt::join(options_.symbols, ",")));
    for (const auto& fault : options_.faults) add("--fault", fault);
    return arguments;
}

Expected<void> System::start_exchange() {
    auto started = Program::start(
        {built_program("tests/exchange/of-exchange"), exchange_arguments(), folder_ + "/exchange.out", SIGTERM});
    if (!started) return tl::make_unexpected(started.error());
    exchange_.emplace(std::move(*started));
    const auto file = folder_ + "/exchange/exchange.json";
    if (!wait_for(start_limit, [&] { return fs::exists(file) || exchange_->ended(); }) || !fs::exists(file))
        return fail(ErrorKind::failed,
                    fmt::format("the stand-in exchange did not come up: {}", exchange_->last_words()));
    auto address = read_exchange_file(file);
    if (!address) return tl::make_unexpected(address.error());
    exchange_client_.emplace(std::move(*address));
    return write_config();
}

Expected<void> System::write_config() {
    const auto& address = exchange_client_->address();
    std::string text = fmt::format(
        "[instance]\nname = {0}\ngovernor = {0}\nstate_dir = \"state\"\ndata_dir = \"data\"\nlog_dir = "
        "\"log\"\n\n{1}\n[rings]\nmarket_slots = {2}\n",
        toml(instance_), restart_policy, options_.market_slots);
    if (options_.trace) text += "trace_slots = 1048576\n\n[trace]\nsample = 1\n";
    text += fmt::format(
        "\n[binance]\nsymbols = {}\nstream_url = {}\nrest_url = {}\nca_file = {}\nreconnect_min_ms = "
        "20\nreconnect_max_ms = 1000\n",
        toml_list(options_.symbols), toml(address.stream_url), toml(address.rest_url), toml(address.ca_file));
    text += fmt::format("\n[communication]\nlisten = \"127.0.0.1:{}\"\nbacklog_max = 5000\n", api_->port());
    std::ofstream file(folder_ + "/orderflow.toml");
    file << text;
    file.close();
    if (!file) return fail(ErrorKind::failed, fmt::format("{}/orderflow.toml cannot be written", folder_));
    return {};
}

Expected<void> System::start_supervisor() {
    auto started = Program::start({built_program("supervisor/ofsupervisor"),
                                   {"run", "--config", folder_ + "/orderflow.toml"},
                                   folder_ + "/supervisor.out",
                                   SIGTERM});
    if (!started) return tl::make_unexpected(started.error());
    supervisor_.emplace(std::move(*started));
    return {};
}

Expected<void> System::wait_healthy() {
    if (!wait_for(start_limit, [&] { return supervisor_->ended() || api_->healthy(); }, 50ms) || supervisor_->ended())
        return fail(ErrorKind::failed,
                    fmt::format("the workers did not all run within 30 s: {}", supervisor_->last_words()));
    if (view_) return {};
    auto view = InstanceView::open(instance_);
    if (!view) return tl::make_unexpected(view.error());
    view_.emplace(std::move(*view));
    note_processes();
    return {};
}

std::string System::broken() {
    if (exchange_->ended())
        return fmt::format("the stand-in exchange ended by itself with code {}: {}", exchange_->exit_code(),
                           exchange_->last_words());
    if (supervisor_->ended())
        return fmt::format("ofsupervisor ended by itself with code {}: {}", supervisor_->exit_code(),
                           supervisor_->last_words());
    return "";
}

void System::note_processes() {
    for (const auto& row : view_->workers()) {
        if (row.pid != 0) seen_[row.pid] = {row.start_time, row.name};
    }
}

std::vector<std::string> System::stop_supervisor() {
    std::vector<std::string> problems;
    if (!supervisor_) return problems;
    if (view_) note_processes();
    if (!supervisor_->stop(stop_limit)) {
        problems.emplace_back("ofsupervisor had not stopped 60 s after SIGTERM");
    } else if (supervisor_->exit_code() != 0) {
        problems.push_back(fmt::format("ofsupervisor exited with {} after SIGTERM: {}", supervisor_->exit_code(),
                                       supervisor_->last_words()));
    }
    const auto left = leftovers();
    problems.insert(problems.end(), left.begin(), left.end());
    return problems;
}

std::vector<std::string> System::leftovers() const {
    std::vector<std::string> problems;
    for (const auto& [pid, process] : seen_) {
        if (lives(pid, process.first))
            problems.push_back(fmt::format("{} (pid {}) is left behind", process.second, pid));
    }
    const auto segments = shm::list_segments(instance_);
    if (!segments.empty())
        problems.push_back(
            fmt::format("{} segments are left behind in /dev/shm: {}", segments.size(), fmt::join(segments, " ")));
    return problems;
}

/// After a failure only: an orderly stop leaves nothing to clear.
void System::clear() {
    for (const auto& [pid, process] : seen_) {
        if (lives(pid, process.first)) ::kill(static_cast<pid_t>(pid), SIGKILL);
    }
    for (const auto& name : shm::list_segments(instance_)) shm::remove_segment(name);
}

System::~System() {
    if (supervisor_ && !supervisor_->ended()) supervisor_->stop(stop_limit);
    supervisor_.reset();
    clear();
    if (exchange_) exchange_->stop(10s);
    exchange_.reset();
    std::error_code ignored;
    if (options_.keep) {
        fmt::print(stderr, "of-tape-run: the run's files are kept in {}\n", folder_);
    } else if (!folder_.empty()) {
        fs::remove_all(folder_, ignored);
    }
}

}  // namespace of::integration
