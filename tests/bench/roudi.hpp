// The daemon that iceoryx needs, for as long as this process lives.
#pragma once

#include <fcntl.h>
#include <grp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

namespace of::bench {

class Roudi {
  public:
    /// Whether it runs; starts it at the first call.
    static bool start() {
        static Roudi daemon;
        return daemon.ready_;
    }
    Roudi(const Roudi&) = delete;

  private:
    Roudi() : was_there_(access("/dev/shm/iceoryx_mgmt", F_OK) == 0) {
        std::array<int, 2> output{};
        if (pipe2(output.data(), O_CLOEXEC) != 0) return;
        pid_ = fork();
        if (pid_ == 0) {
            prctl(PR_SET_PDEATHSIG, SIGTERM);
            dup2(output[1], STDOUT_FILENO);
            dup2(output[1], STDERR_FILENO);
            execlp("iox-roudi", "iox-roudi", nullptr);
            _exit(127);
        }
        close(output[1]);
        // Until it says so, or ends (another one runs, or there is none).
        std::string said;
        std::array<char, 256> buffer{};
        for (ssize_t bytes = 0; !ready_ && (bytes = read(output[0], buffer.data(), buffer.size())) > 0;) {
            said.append(buffer.data(), static_cast<size_t>(bytes));
            ready_ = said.find("ready for clients") != std::string::npos;
        }
        output_ = output[0];
    }
    ~Roudi() {
        if (pid_ > 0) {
            kill(pid_, SIGTERM);
            waitpid(pid_, nullptr, 0);
        }
        if (output_ >= 0) close(output_);
        // It leaves its segments, socket and locks behind, for the next one to find.
        if (ready_ && !was_there_) {
            shm_unlink("/iceoryx_mgmt");
            const auto* group = getgrgid(getegid());
            if (group != nullptr) shm_unlink((std::string("/") + group->gr_name).c_str());
            for (const char* file : {"/tmp/roudi", "/tmp/roudi.lock", "/tmp/iox-unique-roudi.lock"}) unlink(file);
        }
        remove_clients_leftovers();
    }

    /// Its clients are our forks, which leave a socket and a lock each: /tmp/of-bench-PID and /tmp/of-bench-PID.lock.
    static void remove_clients_leftovers() {
        constexpr std::string_view prefix = "of-bench-";
        std::error_code ignored;
        for (const auto& entry : std::filesystem::directory_iterator("/tmp", ignored)) {
            const auto name = entry.path().filename().string();
            if (!name.starts_with(prefix)) continue;
            char* end = nullptr;
            const auto pid = std::strtol(name.c_str() + prefix.size(), &end, 10);
            const bool of_client = pid > 0 && (*end == '\0' || std::string_view(end) == ".lock");
            if (of_client && kill(static_cast<pid_t>(pid), 0) != 0) std::filesystem::remove(entry.path(), ignored);
        }
    }

    bool was_there_;  ///< somebody else's segments: not ours to remove
    pid_t pid_ = -1;
    int output_ = -1;
    bool ready_ = false;
};

}  // namespace of::bench
