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

/// A dry one checks the file and holds it against what is in force, as `config diff` does, if there is somebody to
/// reload it.
int config_reload(const Options& options) {
    if (options.dry_run) {
        const auto there = request(options, "ping");
        if (!there) return refuse(options, there.error());
        return there->exit_code == 0 ? config_diff(options) : tell(options, there->exit_code, there->text);
    }
    const auto answer = request(options, "reload", options.timeout_s);
    if (!answer) return refuse(options, answer.error());
    return tell(options, answer->exit_code, answer->text);
}

namespace {

std::string path_asked_for(const Options& options) {
    return options.names.empty() ? "" : std::filesystem::absolute(options.names.front()).string();
}

/// The supervisor asks the program whether it could follow, and leaves it at that.
int check_upgrade(const Options& options) {
    auto question = options;
    question.dry_run = false;
    const auto answer = request(question, "check-upgrade " + path_asked_for(options), options.timeout_s);
    if (!answer) return refuse(options, answer.error());
    if (answer->exit_code != 0) return tell(options, answer->exit_code, answer->text);
    const auto end_of_id = answer->text.find(' ');
    return tell(
        options, 0,
        fmt::format("would upgrade: {} ({})", answer->text.substr(end_of_id + 1), answer->text.substr(0, end_of_id)));
}

}  // namespace

/// Done when the program that follows answers: it counts one program more for the instance.
int upgrade(const Options& options) {
    if (options.dry_run) return check_upgrade(options);
    const auto view = View::open(options.source);
    if (!view) return refuse(options, view.error());
    const auto& desk = view->control().processes[0].desk;
    const auto before = desk.incarnation.load(std::memory_order_relaxed);
    const auto answer = request(options, "upgrade " + path_asked_for(options), options.timeout_s);
    if (!answer) return refuse(options, answer.error());
    if (answer->exit_code != 0) return tell(options, answer->exit_code, answer->text);
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
