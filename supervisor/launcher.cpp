#include "supervisor/launcher.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "supervisor/post_mortem.hpp"

namespace of::supervisor {
namespace {

int64_t monotonic_ms() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return int64_t{now.tv_sec} * 1000 + now.tv_nsec / ns_per_ms;
}

}  // namespace

Newcomer& Newcomer::operator=(Newcomer&& other) noexcept {
    if (this == &other) return *this;
    dismiss();
    spec_ = std::move(other.spec_);
    child_ = std::move(other.child_);
    gate_ = std::exchange(other.gate_, -1);
    its_gate_ = std::exchange(other.its_gate_, -1);
    black_box_ = std::exchange(other.black_box_, -1);
    return *this;
}

Expected<void> Newcomer::start() {
    auto spawned = child_.spawn(spec_);
    close(std::exchange(its_gate_, -1));
    if (!spawned) dismiss();
    return spawned;
}

Child Newcomer::let_in() {
    constexpr uint64_t come_in = 1;
    send(gate_, &come_in, sizeof come_in, MSG_NOSIGNAL);
    close(std::exchange(gate_, -1));
    return std::move(child_);
}

void Newcomer::dismiss() {
    if (child_.runs()) {
        child_.signal(SIGKILL);
        child_.reap();
    }
    for (int* descriptor : {&gate_, &its_gate_, &black_box_})
        if (*descriptor >= 0) close(std::exchange(*descriptor, -1));
}

Expected<Launcher> Launcher::open(const Config& config, const std::optional<Handover>& handover) {
    auto programs = Programs::open(config);
    if (!programs) return tl::make_unexpected(programs.error());
    Launcher launcher(std::move(*programs), config.cgroups ? Cgroups::open() : Cgroups());
    const auto processes = processes_of(feeds_default);
    if (handover) {
        launcher.bells_ = handover->bells;
        launcher.lifeline_ = handover->lifeline;
    } else if (pipe2(launcher.lifeline_.data(), O_CLOEXEC) != 0) {
        return fail(ErrorKind::failed, "pipe: no file descriptor left");
    }
    for (size_t i = 0; i < processes.size(); ++i) {
        auto& bells = launcher.bells_;
        if (!handover) bells.push_back(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
        if (i >= bells.size() || bells[i] < 0) return fail(ErrorKind::failed, "eventfd: no file descriptor left");
        launcher.doorbells_argument_ += fmt::format("{}{}={}", i == 0 ? "" : ",", name_of(processes[i]), bells[i]);
        // What has no effect is told when there is a log to tell it in.
        if (i > 0) launcher.limit(processes[i], config.workers.at(processes[i].kind).limits);
    }
    return launcher;
}

Launcher::Launcher(Launcher&& other) noexcept
    : programs_(std::move(other.programs_)),
      cgroups_(std::move(other.cgroups_)),
      bells_(std::exchange(other.bells_, {})),
      doorbells_argument_(std::move(other.doorbells_argument_)),
      lifeline_(std::exchange(other.lifeline_, {-1, -1})) {}

Launcher::~Launcher() {
    for (const int bell : bells_) close(bell);
    for (const int end : lifeline_)
        if (end >= 0) close(end);
}

/// All but what is each process's own.
std::vector<std::string> Launcher::arguments(ProcessId process, const Config& config) const {
    const auto& worker = config.workers.at(process.kind);
    std::vector<std::string> words{"--instance",     config.instance,
                                   "--index",        std::to_string(process.index),
                                   "--config",       config.path,
                                   "--data-dir",     config.data_dir,
                                   "--log-dir",      config.log_dir,
                                   "--trace-sample", std::to_string(config.trace_sample),
                                   "--breaker",      config.breaker,
                                   "--wait",         config.wait,
                                   "--sandbox",      worker.sandbox,
                                   "--parent",       std::to_string(getpid()),
                                   "--lifeline",     std::to_string(lifeline_[0]),
                                   "--doorbells",    doorbells_argument_};
    if (config.keep_orphans) words.emplace_back("--outlives");
    if (worker.resources.lock_memory) words.emplace_back("--lock-memory");
    return words;
}

Expected<Newcomer> Launcher::equip(ProcessId process, const Config& config, const ConfigText& text,
                                   uint32_t generation) const {
    std::array<int, 2> gate{};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, gate.data()) != 0)
        return fail(ErrorKind::failed, fmt::format("socketpair: {}", std::strerror(errno)));
    const int black_box = make_black_box();
    auto words = arguments(process, config);
    words.insert(words.end(), {"--config-fd", std::to_string(text.descriptor()), "--config-generation",
                               std::to_string(generation), "--gate", std::to_string(gate[1])});
    if (black_box >= 0) words.insert(words.end(), {"--black-box", std::to_string(black_box)});
    std::vector<int> inherited = bells_;
    inherited.insert(inherited.end(), {text.descriptor(), gate[1], lifeline_[0]});
    if (black_box >= 0) inherited.push_back(black_box);
    const auto& program = programs_.of(process.kind);
    return Newcomer({.program = program.descriptor,
                     .path = program.path,
                     .argv = std::move(words),
                     .inherited = std::move(inherited),
                     .outlives_us = config.keep_orphans,
                     .resources = config.workers.at(process.kind).resources,
                     .cgroup = cgroups_.leaf(name_of(process))},
                    gate, black_box);
}

Reception receive(std::span<const Newcomer> newcomers, int patience_ms) {
    const auto deadline = monotonic_ms() + patience_ms;
    const auto wait_for = [&](int descriptor) {
        pollfd wanted{.fd = descriptor, .events = POLLIN, .revents = 0};
        poll(&wanted, 1, static_cast<int>(std::max<int64_t>(0, deadline - monotonic_ms())));
        return wanted.revents;
    };
    auto reception = Reception::all_there;
    for (const auto& newcomer : newcomers) {
        if (newcomer.exists() && wait_for(newcomer.gate()) == POLLIN) continue;
        reception = Reception::unclear;
        // A gate closes a moment before its process has ended.
        if (newcomer.exists() && wait_for(newcomer.pidfd()) != 0 && newcomer.ended_with() == code(ExitCode::usage))
            return Reception::refused;
    }
    return reception;
}

}  // namespace of::supervisor
