// ofctl restart, stop, config check: what is asked of the supervisor, or done by its program.
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "supervisor/ofctl/json.hpp"
#include "supervisor/ofctl/print.hpp"
#include "supervisor/ofctl/verbs.hpp"

namespace of::ofctl {
namespace {

constexpr timeval answer_timeout{.tv_sec = 1, .tv_usec = 0};

struct Answer {
    int exit_code;
    std::string text;
};

Answer unreachable(const std::string& why) {
    return {code(ExitCode::unreachable), "the supervisor does not answer: " + why};
}

/// One packet to the supervisor, one back. A supervisor that is stopped or gone is told within a second.
Answer ask(const std::string& socket_path, const std::string& request) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (socket_path.size() >= sizeof address.sun_path)
        return unreachable("its socket's path is too long: " + socket_path);
    std::memcpy(address.sun_path, socket_path.data(), socket_path.size());
    const int descriptor = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return unreachable(std::strerror(errno));
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &answer_timeout, sizeof answer_timeout);
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &answer_timeout, sizeof answer_timeout);
    char answer[1024];
    ssize_t bytes = -1;
    if (connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
        send(descriptor, request.data(), request.size(), MSG_NOSIGNAL) >= 0)
        bytes = recv(descriptor, answer, sizeof answer, 0);
    const auto reason = errno == EAGAIN ? std::string("no answer within a second (is it stopped?)")
                                        : fmt::format("{}: {}", socket_path, std::strerror(errno));
    close(descriptor);
    if (bytes <= 0) return unreachable(reason);
    const std::string text(answer, static_cast<size_t>(bytes));
    if (text.starts_with("ok ")) return {0, text.substr(3)};
    int exit_code = code(ExitCode::failed);
    size_t used = 0;
    if (text.starts_with("error ")) exit_code = std::stoi(text.substr(6), &used);
    return {exit_code, text.substr(std::min(text.size(), 6 + used + 1))};
}

int tell(const Options& options, int exit_code, const std::string& text) {
    if (options.json) {
        Json json;
        json.open_object()
            .field(exit_code == 0 ? "ok" : "error", std::string_view(text))
            .field("exit_code", exit_code)
            .close_object();
        put_line(json.text());
    } else if (exit_code == 0) {
        put_line(text);
    } else {
        complain(text);
    }
    return exit_code;
}

/// Waits until `done` or the timeout; looks at the control page, since the supervisor may be busy or gone.
template <typename Done>
bool wait_for(int64_t timeout_s, Done done) {
    const auto deadline = mono_now() + timeout_s * 1'000'000'000;
    while (!done()) {
        if (mono_now() >= deadline) return false;
        poll(nullptr, 0, look_period_ms);
    }
    return true;
}

Expected<Answer> request(const Options& options, const std::string& text) {
    if (options.source.copied()) return fail(ErrorKind::invalid, "copied segments have no supervisor to ask");
    const auto view = View::open(options.source);
    if (!view) return tl::make_unexpected(view.error());
    const auto& line = view->control().instance;
    if (!view->supervisor_alive())
        return unreachable(fmt::format("pid {} is gone", line.supervisor_pid.load(std::memory_order_relaxed)));
    return ask(fmt::format("{}/control.sock", line.state_dir), text);
}

}  // namespace

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
        path = view->control().instance.config_path;
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
