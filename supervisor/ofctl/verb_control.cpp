// ofctl stop, config reload, upgrade: what is asked of the supervisor as a whole; and what its program is run for.
#include <fmt/format.h>

#include <filesystem>

#include "shm/layout.hpp"
#include "supervisor/ofctl/control_client.hpp"
#include "supervisor/ofctl/supervisor_program.hpp"

namespace of::ofctl {

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
    if (!options.names.empty()) return become_supervisor(options, {"check", "--config", options.names.front()});
    const auto view = View::open(options.source);
    if (!view) return refuse(options, view.error());
    return become_supervisor(options,
                             {"check", "--config", std::string(shm::text_of(view->control().instance.config_path))});
}

int schedule(const Options& options) {
    const auto view = View::open(options.source);
    if (!view) return refuse(options, view.error());
    return become_supervisor(options,
                             {"schedule", "--config", std::string(shm::text_of(view->control().instance.config_path))});
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
