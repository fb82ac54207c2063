// ofctl stop, config reload, upgrade: what is asked of the supervisor as a whole; and what its program is run for.
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>

#include "shm/layout.hpp"
#include "supervisor/ofctl/control_client.hpp"
#include "supervisor/ofctl/print.hpp"

namespace of::ofctl {

namespace {

/// The supervisor's program knows the whole file, each worker's part included; it lies beside this one, or where the
/// build puts it. Becomes that program; returns only if there is none.
int become_supervisor(const Options& options, const char* verb, const std::string& config_path) {
    const auto own_folder = std::filesystem::read_symlink("/proc/self/exe").parent_path();
    for (const auto& program : {own_folder / "ofsupervisor", own_folder / ".." / "ofsupervisor"}) {
        if (access(program.c_str(), X_OK) != 0) continue;
        flush_output();
        execl(program.c_str(), program.c_str(), verb, "--config", config_path.c_str(),
              options.json ? "--json" : nullptr, nullptr);
    }
    return refuse(options,
                  {ErrorKind::missing, fmt::format("ofsupervisor is not beside ofctl in {}", own_folder.string())});
}

}  // namespace

int stop_instance(const Options& options) {
    const auto view = View::open(options.source);
    if (!view) return refuse(options, view.error());
    const auto answer = request(options, "shutdown " + options.reason);
    if (!answer) return refuse(options, answer.error());
    if (answer->exit_code != 0 || !options.wait) return tell(options, answer->exit_code, answer->text);
    const bool gone = wait_for(options.timeout_s, [&] { return !view->supervisor_alive(); });
    if (!gone)
        return tell(options, code(ExitCode::timed_out),
                    fmt::format("instance {} has not stopped within {} s", options.source.instance, options.timeout_s));
    return tell(options, 0,
                fmt::format("instance {} has stopped ({})", options.source.instance,
                            answer->text.substr(0, answer->text.find(' '))));
}

int config_check(const Options& options) {
    if (!options.names.empty()) return become_supervisor(options, "check", options.names.front());
    const auto view = View::open(options.source);
    if (!view) return refuse(options, view.error());
    return become_supervisor(options, "check", std::string(shm::text_of(view->control().instance.config_path)));
}

int schedule(const Options& options) {
    const auto view = View::open(options.source);
    if (!view) return refuse(options, view.error());
    return become_supervisor(options, "schedule", std::string(shm::text_of(view->control().instance.config_path)));
}

int config_reload(const Options& options) {
    const auto answer = request(options, "reload", options.timeout_s);
    if (!answer) return refuse(options, answer.error());
    return tell(options, answer->exit_code, answer->text);
}

/// Done when the program that follows answers: it counts one program more for the instance.
int upgrade(const Options& options) {
    const auto view = View::open(options.source);
    if (!view) return refuse(options, view.error());
    const auto& desk = view->control().processes[0].desk;
    const auto before = desk.incarnation.load(std::memory_order_relaxed);
    std::string path;
    if (!options.names.empty()) path = std::filesystem::absolute(options.names.front());
    const auto answer = request(options, "upgrade " + path, options.timeout_s);
    if (!answer) return refuse(options, answer.error());
    if (answer->exit_code != 0 || options.dry_run) return tell(options, answer->exit_code, answer->text);
    const bool there = wait_for(options.timeout_s, [&] {
        if (desk.incarnation.load(std::memory_order_relaxed) == before) return false;
        const auto pong = request(options, "ping");
        return pong && pong->exit_code == 0;
    });
    if (!there)
        return tell(
            options, code(ExitCode::timed_out),
            fmt::format("the program that follows does not answer within {} s; see ofctl logs", options.timeout_s));
    return tell(options, 0,
                fmt::format("upgraded: pid {} runs its program number {} with the same workers ({})",
                            desk.pid.load(std::memory_order_relaxed), desk.incarnation.load(std::memory_order_relaxed),
                            answer->text.substr(0, answer->text.find(' '))));
}

}  // namespace of::ofctl
