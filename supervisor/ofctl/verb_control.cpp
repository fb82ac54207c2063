// ofctl restart, stop, config check: what is asked of the supervisor, or done by its program.
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>

#include "shm/layout.hpp"
#include "supervisor/ofctl/control_client.hpp"
#include "supervisor/ofctl/print.hpp"

namespace of::ofctl {

int restart(const Options& options) {
    for (const auto& name : options.names) {
        const auto view = View::open(options.source);
        if (!view) return refuse(options, view.error());
        const auto before = view->worker(name);
        if (!before)
            return refuse(options, {ErrorKind::missing,
                                    fmt::format("instance {} has no worker called {}", options.source.instance, name)});
        const auto incarnation = before->slot->desk.incarnation.load(std::memory_order_relaxed);
        const auto answer = request(options, fmt::format("restart {} {}", name, options.reason));
        if (!answer) return refuse(options, answer.error());
        if (answer->exit_code != 0) return tell(options, answer->exit_code, answer->text);
        if (!options.wait) {
            tell(options, 0, answer->text);
            continue;
        }
        const bool back = wait_for(options.timeout_s, [&] {
            const auto now = view->worker(name);
            return now && now->well() && now->slot->desk.incarnation.load(std::memory_order_relaxed) > incarnation;
        });
        if (!back)
            return tell(options, code(ExitCode::timed_out),
                        fmt::format("{} does not run {} s after its restart was asked for; see ofctl logs", name,
                                    options.timeout_s));
        const auto now = view->worker(name);
        tell(options, 0,
             fmt::format("{}: running again as pid {} ({})", name, now->slot->desk.pid.load(std::memory_order_relaxed),
                         answer->text.substr(0, answer->text.find(' '))));
    }
    return code(ExitCode::ok);
}

int stop(const Options& options) {
    const auto view = View::open(options.source);
    if (!view) return refuse(options, view.error());
    const auto answer = request(options, "stop " + options.reason);
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

/// The supervisor's program knows the whole file, each worker's part included; it lies beside this one, or where the
/// build puts it.
int config_check(const Options& options) {
    std::string path = options.names.empty() ? "" : options.names.front();
    if (path.empty()) {
        const auto view = View::open(options.source);
        if (!view) return refuse(options, view.error());
        path = shm::text_of(view->control().instance.config_path);
    }
    const auto own_folder = std::filesystem::read_symlink("/proc/self/exe").parent_path();
    for (const auto& program : {own_folder / "ofsupervisor", own_folder / ".." / "ofsupervisor"}) {
        if (access(program.c_str(), X_OK) != 0) continue;
        flush_output();
        execl(program.c_str(), program.c_str(), "check", "--config", path.c_str(), options.json ? "--json" : nullptr,
              nullptr);
    }
    return refuse(options,
                  {ErrorKind::missing, fmt::format("ofsupervisor is not beside ofctl in {}", own_folder.string())});
}

}  // namespace of::ofctl
