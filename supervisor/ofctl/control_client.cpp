#include "supervisor/ofctl/control_client.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "supervisor/ofctl/json.hpp"
#include "supervisor/ofctl/print.hpp"

namespace of::ofctl {
namespace {

constexpr timeval answer_timeout{.tv_sec = 1, .tv_usec = 0};

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

}  // namespace

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

Expected<Answer> request(const Options& options, const std::string& text) {
    if (options.source.copied()) return fail(ErrorKind::invalid, "copied segments have no supervisor to ask");
    const auto view = View::open(options.source);
    if (!view) return tl::make_unexpected(view.error());
    const auto& line = view->control().instance;
    if (!view->supervisor_alive())
        return unreachable(fmt::format("pid {} is gone", line.supervisor_pid.load(std::memory_order_relaxed)));
    return ask(fmt::format("{}/control.sock", line.state_dir), text);
}

}  // namespace of::ofctl
