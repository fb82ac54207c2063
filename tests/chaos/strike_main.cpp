// of-strike: runs a command and strikes its processes at chosen system calls: kills them there, or makes the call fail.
//
//   of-strike COMMAND [ARGUMENT...]      orders on standard input, results on standard output: order.hpp, tracer.hpp
//
// The line "run" starts the command, so that orders for its first process can come before. Signals are passed on to the
// command. Exit code: the command's; 128 + signal when one ended it; 77 when nothing may be traced here.
#include <fmt/format.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "tests/chaos/tracer.hpp"

namespace {

using namespace of::chaos;

constexpr int skipped = 77;
constexpr int forwarded[] = {SIGTERM, SIGINT, SIGHUP};

int signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    for (const int number : forwarded) sigaddset(&set, number);
    sigprocmask(SIG_BLOCK, &set, nullptr);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

class Program {
  public:
    explicit Program(char** argv) : argv_(argv), signals_(signals()) {}

    int run() {
        pollfd ready[] = {{.fd = signals_, .events = POLLIN, .revents = 0},
                          {.fd = STDIN_FILENO, .events = POLLIN, .revents = 0}};
        while (!running_ || tracer_.poll()) {
            ::poll(ready, std::size(ready), -1);
            if (ready[1].revents != 0 && !read_lines()) ready[1].fd = -1;
            if (refused_) return skipped;
            read_signals();
        }
        const int status = tracer_.status();
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }

  private:
    bool read_lines() {
        char bytes[4096];
        const auto size = read(STDIN_FILENO, bytes, sizeof bytes);
        if (size <= 0) return false;
        text_.append(bytes, static_cast<size_t>(size));
        for (auto end = text_.find('\n'); end != std::string::npos; end = text_.find('\n')) {
            obey(text_.substr(0, end));
            text_.erase(0, end + 1);
        }
        return true;
    }
    void obey(const std::string& line) {
        if (line == "run") {
            running_ = true;
            refused_ = !tracer_.run(argv_);
            return;
        }
        auto order = parse_order(line);
        if (!order) fmt::print("of-strike: no order: {}\n", line);
        std::fflush(stdout);
        if (order) tracer_.take(std::move(*order));
    }
    void read_signals() {
        signalfd_siginfo info{};
        while (read(signals_, &info, sizeof info) == sizeof info) {
            if (info.ssi_signo != SIGCHLD && running_) kill(tracer_.command(), static_cast<int>(info.ssi_signo));
        }
    }

    char** argv_;
    int signals_;
    Tracer tracer_;
    std::string text_;
    bool running_ = false;
    bool refused_ = false;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        fmt::print(stderr, "usage: of-strike COMMAND [ARGUMENT...]\n");
        return 2;
    }
    return Program(argv + 1).run();
}
