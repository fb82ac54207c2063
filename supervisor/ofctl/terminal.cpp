#include "supervisor/ofctl/terminal.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace of::ofctl {
namespace {

constexpr std::string_view enter_screen = "\x1b[?1049h\x1b[?25l";
constexpr std::string_view leave_screen = "\x1b[?25h\x1b[?1049l";
constexpr std::string_view home = "\x1b[H";
constexpr std::string_view clear_rest_of_line = "\x1b[K";
constexpr std::string_view clear_rest = "\x1b[J";
constexpr std::array screen_signals{SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH};

/// A terminal that is gone takes nothing more; its end comes as SIGHUP.
void send(std::string_view bytes) {
    while (!bytes.empty()) {
        const auto sent = write(STDOUT_FILENO, bytes.data(), bytes.size());
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) return;
        bytes.remove_prefix(static_cast<size_t>(sent));
    }
}

/// The bytes of a sequence that begins with escape; 1 for escape alone.
size_t sequence_length(std::string_view bytes) {
    if (bytes.size() < 2 || (bytes[1] != '[' && bytes[1] != 'O')) return 1;
    size_t length = 2;
    while (length < bytes.size() && (bytes[length] < 0x40 || bytes[length] > 0x7e)) ++length;
    return std::min(length + 1, bytes.size());
}

}  // namespace

std::vector<KeyPress> keys_of(std::string_view bytes) {
    std::vector<KeyPress> keys;
    while (!bytes.empty()) {
        const auto length = bytes[0] == '\x1b' ? sequence_length(bytes) : 1;
        const auto sequence = bytes.substr(0, length);
        bytes.remove_prefix(length);
        if (length > 1) {
            const auto last = sequence.back();
            if (length == 3 && last == 'A') keys.push_back({Key::up});
            if (length == 3 && last == 'B') keys.push_back({Key::down});
        } else if (sequence[0] == '\x1b') {
            keys.push_back({Key::escape});
        } else if (sequence[0] == ' ') {
            keys.push_back({Key::space});
        } else {
            keys.push_back({Key::other, sequence[0]});
        }
    }
    return keys;
}

Expected<Terminal> Terminal::open() {
    Terminal terminal;
    if (tcgetattr(STDIN_FILENO, &terminal.usual_) != 0)
        return fail(ErrorKind::failed, fmt::format("the terminal cannot be used: {}", std::strerror(errno)));
    sigset_t wanted;
    sigemptyset(&wanted);
    for (const int signal : screen_signals) sigaddset(&wanted, signal);
    terminal.signals_ = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
    if (terminal.signals_ < 0)
        return fail(ErrorKind::failed, fmt::format("signals cannot be waited for: {}", std::strerror(errno)));
    sigprocmask(SIG_BLOCK, &wanted, &terminal.usual_signals_);
    terminal.enter();
    return terminal;
}

Terminal::Terminal(Terminal&& other) noexcept
    : usual_(other.usual_), usual_signals_(other.usual_signals_), signals_(std::exchange(other.signals_, -1)) {}

Terminal::~Terminal() {
    if (signals_ < 0) return;
    leave();
    close(signals_);
    sigprocmask(SIG_SETMASK, &usual_signals_, nullptr);
}

void Terminal::enter() const {
    auto raw = usual_;
    raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
    send(enter_screen);
}

void Terminal::leave() const {
    send(leave_screen);
    // Keys that nobody has read are not for the shell.
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &usual_);
}

ScreenSize Terminal::size() const {
    winsize size{};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) return {};
    return {size.ws_col, size.ws_row};
}

void Terminal::show(const std::vector<std::string>& lines) const {
    std::string bytes(home);
    for (size_t i = 0; i < lines.size(); ++i)
        bytes.append(i == 0 ? "" : "\r\n").append(lines[i]).append(clear_rest_of_line);
    send(bytes.append(clear_rest));
}

Terminal::Event Terminal::wait(std::chrono::milliseconds limit) {
    Event event;
    std::array<pollfd, 2> sources{{{STDIN_FILENO, POLLIN, 0}, {signals_, POLLIN, 0}}};
    if (poll(sources.data(), sources.size(), static_cast<int>(limit.count())) <= 0) return event;
    if (sources[0].revents != 0) {
        std::array<char, 256> bytes{};
        const auto got = read(STDIN_FILENO, bytes.data(), bytes.size());
        event.closed = got <= 0;
        if (got > 0) event.keys = keys_of({bytes.data(), static_cast<size_t>(got)});
    }
    signalfd_siginfo signal{};
    while (read(signals_, &signal, sizeof signal) == static_cast<ssize_t>(sizeof signal)) {
        const auto number = static_cast<int>(signal.ssi_signo);
        if (number == SIGTSTP) {
            stop_for_a_while(event);
        } else if (number == SIGWINCH) {
            event.resized = true;
        } else {
            event.ended_by = number;
        }
    }
    return event;
}

void Terminal::stop_for_a_while(Event& event) const {
    leave();
    raise(SIGSTOP);
    enter();
    event.resized = true;
}

}  // namespace of::ofctl
