// A program started by a test: ended and reaped at the end of the scope, and killed by the kernel if the test
// itself dies.
#pragma once

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/wait.hpp"

namespace of::test {

class Child {
  public:
    Child() = default;
    /// Starts argv[0]; its standard output and error go to the file `output`.
    Child(const std::vector<std::string>& argv, std::string output) : output_(std::move(output)) {
        std::vector<char*> pointers;
        for (const auto& argument : argv) pointers.push_back(const_cast<char*>(argument.c_str()));
        pointers.push_back(nullptr);
        pid_ = fork();
        if (pid_ < 0) throw std::runtime_error("fork failed");
        if (pid_ != 0) return;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        const int file = open(output_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
        dup2(file, STDOUT_FILENO);
        dup2(file, STDERR_FILENO);
        execv(pointers[0], pointers.data());
        _exit(127);
    }
    ~Child() { end(); }
    Child(Child&& other) noexcept { swap(other); }
    Child& operator=(Child&& other) noexcept {
        swap(other);
        return *this;
    }

    pid_t pid() const { return pid_; }
    void signal(int number) const {
        if (pid_ > 0) ::kill(pid_, number);
    }
    /// Whether it has ended; its exit code is then known.
    bool ended() {
        int status = 0;
        if (pid_ <= 0) return true;
        if (waitpid(pid_, &status, WNOHANG) != pid_) return false;
        pid_ = 0;
        exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
        return true;
    }
    /// Its exit code, or minus the signal that ended it. Throws when it does not end in time.
    int wait() {
        if (!wait_until([this] { return ended(); })) throw std::runtime_error("a child did not end in time");
        return exit_code_;
    }
    /// SIGKILL, and reaped when this returns.
    void kill() {
        signal(SIGKILL);
        wait();
    }
    /// What it has written to its standard output and error.
    std::string output() const {
        std::ifstream file(output_);
        return {std::istreambuf_iterator<char>(file), {}};
    }

  private:
    void end() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
        pid_ = 0;
    }
    void swap(Child& other) {
        std::swap(pid_, other.pid_);
        std::swap(exit_code_, other.exit_code_);
        std::swap(output_, other.output_);
    }

    pid_t pid_ = 0;
    int exit_code_ = 0;
    std::string output_;
};

/// A program of this build, "workers/storage/of-storage": under OF_BUILD_DIR, or else under the nearest
/// folder above the test program that has it.
inline std::string program(const std::string& path) {
    namespace fs = std::filesystem;
    if (const char* folder = std::getenv("OF_BUILD_DIR")) return (fs::path(folder) / path).string();
    std::error_code error;
    for (auto folder = fs::read_symlink("/proc/self/exe", error).parent_path();; folder = folder.parent_path()) {
        if (fs::exists(folder / path, error)) return (folder / path).string();
        if (folder == folder.parent_path()) break;
    }
    throw std::runtime_error("this build has no " + path);
}

}  // namespace of::test
