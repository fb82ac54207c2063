#include "supervisor/ofctl/control_client.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

#include "proto/control_socket.hpp"
#include "supervisor/ofctl/json.hpp"
#include "supervisor/ofctl/print.hpp"

namespace of::ofctl {
namespace {

constexpr int64_t ns_per_ms = 1'000'000;
constexpr int64_t ns_per_s = 1'000'000'000;
/// Longer than any answer: a reload says what became of each worker, or every mistake of a file.
constexpr size_t answer_bytes_max = 64 * 1024;

Answer unreachable(const std::string& why) {
    return {code(ExitCode::unreachable), "the supervisor does not answer: " + why};
}

/// Closes what it holds.
struct Descriptor {
    int number;
    ~Descriptor() {
        if (number >= 0) close(number);
    }
};

int left_ms(int64_t deadline_ns) {
    return static_cast<int>(std::clamp<int64_t>((deadline_ns - mono_now()) / ns_per_ms, 0, INT_MAX));
}

/// Waits for a place in the supervisor's backlog, which a stopped one does not empty.
bool connect_until(int descriptor, const sockaddr_un& address, int64_t deadline_ns) {
    while (connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        if (errno != EAGAIN || left_ms(deadline_ns) == 0) return false;
        poll(nullptr, 0, look_period_ms);
    }
    return true;
}

/// One packet to the supervisor, one back.
Answer ask(const std::string& socket_path, const std::string& words, int64_t patience_ns) {
    const auto request = fmt::format("{} {}", control_protocol, words);
    const auto deadline = mono_now() + patience_ns;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (socket_path.size() >= sizeof address.sun_path)
        return unreachable("its socket's path is too long: " + socket_path);
    std::memcpy(address.sun_path, socket_path.data(), socket_path.size());
    const Descriptor client{socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (client.number < 0) return unreachable(std::strerror(errno));
    std::string answer(answer_bytes_max, '\0');
    ssize_t bytes = -1;
    if (connect_until(client.number, address, deadline) &&
        send(client.number, request.data(), request.size(), MSG_NOSIGNAL) >= 0) {
        pollfd readable{.fd = client.number, .events = POLLIN, .revents = 0};
        poll(&readable, 1, left_ms(deadline));
        bytes = recv(client.number, answer.data(), answer.size(), 0);
    }
    if (bytes < 0 && errno == EAGAIN)
        return unreachable(fmt::format("no answer within {} s (is it stopped?)", patience_ns / ns_per_s));
    if (bytes < 0) return unreachable(fmt::format("{}: {}", socket_path, std::strerror(errno)));
    if (bytes == 0) return unreachable("it ended before it had an answer");
    answer.resize(static_cast<size_t>(bytes));
    const auto frame = fmt::format("{} ", control_protocol);
    if (!answer.starts_with(frame))
        return {code(ExitCode::mismatch),
                fmt::format("the supervisor speaks another version of the control socket than this ofctl ({}): \"{}\"",
                            control_protocol, answer.substr(0, answer.find('\n')))};
    answer.erase(0, frame.size());
    if (answer.starts_with("ok ")) return {0, answer.substr(3)};
    int exit_code = code(ExitCode::failed);
    size_t used = 0;
    if (answer.starts_with("error ")) exit_code = std::stoi(answer.substr(6), &used);
    return {exit_code, answer.substr(std::min(answer.size(), 6 + used + 1))};
}

}  // namespace

int tell(const Options& options, int exit_code, const std::string& text) {
    if (options.tells_json()) {
        Json json;
        json.open_document("result")
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

Expected<Answer> request(const Options& options, const std::string& text, int64_t patience_s) {
    if (options.source.copied()) return fail(ErrorKind::invalid, "copied segments have no supervisor to ask");
    const auto view = View::open(options.source);
    if (!view) return tl::make_unexpected(view.error());
    const auto& line = view->control().instance;
    if (!view->supervisor_alive())
        return unreachable(fmt::format("pid {} is gone", line.supervisor_pid.load(std::memory_order_relaxed)));
    if (options.dry_run && text != "ping")
        return Answer{0, fmt::format("would ask the supervisor (pid {}) of {}: {}",
                                     line.supervisor_pid.load(std::memory_order_relaxed), options.source.instance,
                                     text.substr(0, text.find_last_not_of(' ') + 1))};
    // Nothing is left in its socket: it would be done whenever somebody lets it go on.
    if (view->supervisor_frozen())
        return unreachable(
            fmt::format("pid {} is stopped by a signal", line.supervisor_pid.load(std::memory_order_relaxed)));
    const auto socket_path = fmt::format("{}/control.sock", line.state_dir);
    if (patience_s > 1) {  // a stopped one is told soon, however long the work itself may take
        const auto there = ask(socket_path, "ping", ns_per_s);
        if (there.exit_code != 0) return there;
    }
    return ask(socket_path, text, patience_s * ns_per_s);
}

}  // namespace of::ofctl
