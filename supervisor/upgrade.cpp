// Upgrade: the supervisor becomes another program by execve, in the same process, so that its workers stay its children
// and go on without noticing. The new program is asked first: it must know the same layouts, and find the configuration
// that is in force to be right.
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/close_range.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "supervisor/layouts.hpp"
#include "supervisor/supervisor.hpp"

namespace of::supervisor {
namespace {

/// Where this program was installed; another may lie there by now.
std::string own_path() {
    char target[4096];
    const auto bytes = readlink("/proc/self/exe", target, sizeof target);
    std::string path(target, static_cast<size_t>(std::max<ssize_t>(bytes, 0)));
    constexpr std::string_view deleted = " (deleted)";
    if (path.ends_with(deleted)) path.resize(path.size() - deleted.size());
    return path;
}

/// Those and no others, whoever has opened them.
void keep_across_exec(const std::vector<int>& descriptors) {
    syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC);
    for (const int descriptor : descriptors) fcntl(descriptor, F_SETFD, 0);
}

}  // namespace

void Supervisor::begin_upgrade(CorrelationId cause, const std::string& wanted, Upgrade how,
                               ControlServer::Reply reply) {
    if (reload_ || asking_) return reply(refusal(ExitCode::failed, "another reload or upgrade is on its way"));
    if (!crew_.at_rest()) return reply(refusal(ExitCode::failed, "a worker is starting or stopping; try again"));
    const auto path = wanted.empty() ? own_path() : wanted;
    if (access(path.c_str(), X_OK) != 0)
        return reply(refusal(ExitCode::not_found, fmt::format("{}: {}", path, std::strerror(errno))));
    asking_.emplace(io_);
    const auto again = [this, cause, path, how, reply](int exit_code, const std::string& output) {
        asking_.reset();
        if (exit_code == code(ExitCode::ok) && output == layouts_text()) {
            if (how == Upgrade::done) return execute(cause, path, reply);
            return reply(fmt::format("ok {} {} knows the same layouts, and accepts the configuration in force",
                                     to_string(cause), path));
        }
        const auto why = exit_code == code(ExitCode::ok)
                             ? fmt::format("{} has other layouts: {}", path, first_difference(layouts_text(), output))
                             : fmt::format("{} does not accept the configuration in force: {}", path, output);
        if (how == Upgrade::done) journal_->write(log_event::supervisor_not_upgraded, cause, why);
        reply(refusal(exit_code == code(ExitCode::ok) ? ExitCode::mismatch : ExitCode::failed, why));
    };
    const auto asked = asking_->begin(
        {.path = path,
         .argv = {"layouts", "--config", config().path, "--config-fd", std::to_string(text_.descriptor())},
         .inherited = {text_.descriptor()},
         .joins_output = true,
         .resources = {}},
        again);
    if (asked) return;
    asking_.reset();
    reply(refusal(ExitCode::failed, asked.error().message));
}

Handover Supervisor::hand_over() {
    Handover handover{.lock = instance_.lock_descriptor(),
                      .governor = instance_.governor_descriptor(),
                      .config = text_.descriptor(),
                      .control = control_->descriptor(),
                      .lifeline = launcher_.lifeline(),
                      .bells = launcher_.bells(),
                      .config_generation = config_generation_,
                      .workers = {}};
    for (size_t i = 0; i < workers_.size(); ++i) {
        const auto& child = workers_[i]->child;
        const auto& member = crew_[i];
        handover.workers.push_back({name_of(workers_[i]->process), static_cast<int>(member.state), child.pid(),
                                    child.pidfd(), child.errors(), member.policy.failures(), member.ready_ns,
                                    workers_[i]->black_box, child.is_child()});
    }
    return handover;
}

void Supervisor::execute(CorrelationId cause, const std::string& path, const ControlServer::Reply& reply) {
    // The next program knows nothing of what is broken or half mended, and takes the segments as they are.
    if (!crew_.at_rest() || look_at_segments() || mending_)
        return reply(refusal(ExitCode::failed, "a worker is starting or stopping; try again"));
    if (!post_mortem_.idle()) return reply(refusal(ExitCode::failed, "a post mortem is being written; try again"));
    const auto handover = hand_over();
    const int descriptor = handover.write();
    auto kept = handover.descriptors();
    kept.push_back(descriptor);
    auto& upgrades = instance_.control().instance.upgrades;
    upgrades.store(upgrades.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    reply(fmt::format("ok {} executing {}", to_string(cause), path));  // a packet leaves at once, or not at all
    keep_across_exec(kept);  // signals are blocked: what comes now waits for the next program
    const auto number = std::to_string(descriptor);
    execl(path.c_str(), path.c_str(), "run", "--config", config().path.c_str(), "--handover", number.c_str(), nullptr);
    const auto why = fmt::format("{}: {}", path, std::strerror(errno));
    keep_across_exec({});
    close(descriptor);
    upgrades.store(upgrades.load(std::memory_order_relaxed) - 1, std::memory_order_release);
    journal_->write(log_event::supervisor_not_upgraded, cause, why);
}

}  // namespace of::supervisor
