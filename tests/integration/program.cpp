#include "tests/integration/program.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

namespace of::integration {
namespace {

constexpr size_t last_words_bytes = 2000;

[[noreturn]] void become(const Launch& launch, char* const* argv, pid_t parent) {
    setsid();
    prctl(PR_SET_PDEATHSIG, launch.death_signal);
    if (getppid() != parent) _exit(127);  // the parent died before the line above
    const int file = open(launch.output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    const int none = open("/dev/null", O_RDONLY);
    dup2(none, STDIN_FILENO);
    dup2(file, STDOUT_FILENO);
    dup2(file, STDERR_FILENO);
    execv(argv[0], argv);
    _exit(127);
}

}  // namespace

Expected<Program> Program::start(const Launch& launch) {
    if (access(launch.path.c_str(), X_OK) != 0)
        return fail(ErrorKind::missing, fmt::format("program {} is not built", launch.path));
    std::vector<char*> argv{const_cast<char*>(launch.path.c_str())};
    for (const auto& argument : launch.arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    const auto parent = getpid();
    const auto pid = fork();
    if (pid < 0) return fail(ErrorKind::failed, fmt::format("fork: {}", std::strerror(errno)));
    if (pid == 0) become(launch, argv.data(), parent);
    return Program(pid, launch.output);
}

Program::Program(pid_t pid, std::string output) : pid_(pid), output_(std::move(output)) {}

Program::Program(Program&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)), exit_code_(other.exit_code_), output_(std::move(other.output_)) {}

Program& Program::operator=(Program&& other) noexcept {
    std::swap(pid_, other.pid_);
    std::swap(exit_code_, other.exit_code_);
    std::swap(output_, other.output_);
    return *this;
}

Program::~Program() {
    if (ended()) return;
    ::kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
}

bool Program::ended() {
    int status = 0;
    if (pid_ <= 0) return true;
    if (waitpid(pid_, &status, WNOHANG) != pid_) return false;
    pid_ = 0;
    exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    return true;
}

void Program::signal(int number) const {
    if (pid_ > 0) ::kill(pid_, number);
}

bool Program::stop(Milliseconds limit) {
    signal(SIGTERM);
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!ended()) {  // also after an interruption: this is the stop that it asks for
        if (std::chrono::steady_clock::now() >= deadline) return false;
        std::this_thread::sleep_for(5ms);
    }
    return true;
}

std::string Program::last_words() const {
    std::ifstream file(output_, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    return text.size() <= last_words_bytes ? text : text.substr(text.size() - last_words_bytes);
}

std::string built_program(const std::string& path) {
    namespace fs = std::filesystem;
    std::error_code error;
    const auto own = fs::read_symlink("/proc/self/exe", error).parent_path();
    return (own / "../.." / path).lexically_normal().string();
}

}  // namespace of::integration
