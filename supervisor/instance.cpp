#include "supervisor/instance.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <stdexcept>

#include "proto/schema.hpp"
#include "shm/life.hpp"

namespace of::supervisor {
namespace {

/// Longer than the deadline that an orphaned worker gives itself to drain (0.7 s).
constexpr int leftover_patience_ms = 3'000;

template <size_t n>
void set_text(char (&field)[n], std::string_view text) {
    std::memset(field, 0, n);
    std::memcpy(field, text.data(), std::min(text.size(), n - 1));
}

Expected<void> make_folder(std::string_view key, const std::string& path) {
    std::error_code error;
    std::filesystem::create_directories(path, error);
    if (error)
        return fail(ErrorKind::denied,
                    fmt::format("[instance] {}: directory {} cannot be made: {}", key, path, error.message()));
    if (access(path.c_str(), W_OK | X_OK) != 0)
        return fail(ErrorKind::denied,
                    fmt::format("[instance] {}: directory {} is not writable: {}", key, path, std::strerror(errno)));
    return {};
}

/// The pid that a living supervisor wrote into its lock file; 0 in the moment before it has.
uint64_t holder_of(int lock) {
    char text[24]{};
    return pread(lock, text, sizeof text - 1, 0) > 0 ? strtoull(text, nullptr, 10) : 0;
}

tl::unexpected<Error> runs_already(const std::string& instance, uint64_t pid, std::string_view state_dir) {
    return fail(ErrorKind::busy, fmt::format("instance {} is already run by ofsupervisor pid {} (state in {})",
                                             instance, pid, state_dir));
}

/// And is no stranger with its number. One that /proc hides from us is not seen.
bool is_seen(uint64_t pid, uint64_t start_time) {
    return pid != 0 && start_time != 0 && shm::process_start(pid) == start_time;
}

bool is_seen(const shm::DeskLine& desk) {
    return is_seen(desk.pid.load(std::memory_order_acquire), desk.start_time.load(std::memory_order_relaxed));
}

/// Waits for a worker of a dead supervisor to drain by itself; ends it if it does not.
void end_leftover(shm::DeskLine& desk) {
    const auto pidfd =
        static_cast<int>(syscall(SYS_pidfd_open, static_cast<pid_t>(desk.pid.load(std::memory_order_relaxed)), 0));
    if (pidfd < 0) return;
    // Looked at again with the pidfd in hand: the pid cannot have passed to another process unseen.
    if (is_seen(desk)) {
        pollfd wait{.fd = pidfd, .events = POLLIN, .revents = 0};
        syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, nullptr, 0);
        if (poll(&wait, 1, leftover_patience_ms) == 0) {
            syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, nullptr, 0);
            poll(&wait, 1, leftover_patience_ms);
        }
    }
    close(pidfd);
}

bool is_there(const shm::SegmentSpec& spec) { return access(("/dev/shm/" + spec.name()).c_str(), F_OK) == 0; }

/// Seen, for one that is hidden would keep us from starting for ever.
bool is_made_by_another(const shm::SegmentHeader& creation) {
    return creation.creator_pid != static_cast<uint64_t>(getpid()) &&
           is_seen(creation.creator_pid, creation.creator_start);
}

}  // namespace

Instance::Instance(const Config& config)
    : config_(config), processes_(processes_of(feeds_default)), channels_(channels_of(processes_)) {}

Instance::~Instance() {
    if (lock_fd_ >= 0) close(lock_fd_);
}

Expected<std::unique_ptr<Instance>> Instance::open(const Config& config) {
    std::unique_ptr<Instance> instance(new Instance(config));
    auto opened = make_folder("state_dir", config.state_dir)
                      .and_then([&] { return make_folder("data_dir", config.data_dir); })
                      .and_then([&] { return make_folder("log_dir", config.log_dir); })
                      .and_then([&] { return instance->lock(); })
                      .and_then([&] { return instance->refuse_second_supervisor(); });
    if (!opened) return tl::make_unexpected(opened.error());
    instance->end_leftovers();
    opened = instance->open_segments().and_then([&] { return instance->open_governor(); });
    if (opened) return instance;
    instance->abandon();
    return tl::make_unexpected(opened.error());
}

Expected<std::unique_ptr<Instance>> Instance::take_over(const Config& config, const Generations& known, int governor) {
    std::unique_ptr<Instance> instance(new Instance(config));
    auto opened = instance->lock()
                      .and_then([&] { return instance->refuse_second_supervisor(); })
                      .and_then([&] { return instance->open_governor(); })
                      .and_then([&] { return instance->recognise(known); })
                      .and_then([&] { return instance->open_segments(); });
    if (governor >= 0) close(governor);
    if (opened) return instance;
    return tl::make_unexpected(opened.error());
}

Expected<std::unique_ptr<Instance>> Instance::resume(const Config& config, int lock, int governor) {
    std::unique_ptr<Instance> instance(new Instance(config));
    instance->lock_fd_ = lock;
    auto opened = instance->open_segments().and_then([&] { return instance->open_governor(); });
    if (governor >= 0) close(governor);
    if (opened) return instance;
    return tl::make_unexpected(opened.error());
}

Expected<void> Instance::lock() {
    const auto path = config_.state_dir + "/lock";
    lock_fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock_fd_ < 0) return fail(ErrorKind::denied, fmt::format("lock file {}: {}", path, std::strerror(errno)));
    if (flock(lock_fd_, LOCK_EX | LOCK_NB) != 0)
        return runs_already(config_.instance, holder_of(lock_fd_), config_.state_dir);
    const auto pid = fmt::format("{}\n", getpid());
    if (ftruncate(lock_fd_, 0) != 0 || pwrite(lock_fd_, pid.data(), pid.size(), 0) < 0)
        return fail(ErrorKind::denied, fmt::format("lock file {}: {}", path, std::strerror(errno)));
    return {};
}

/// Of a predecessor, or of a supervisor that runs; one that is broken will be replaced.
std::optional<shm::Segment> Instance::left_control() const {
    const auto control = spec(channels_.front());
    if (!is_there(control)) return {};
    auto opened = shm::Segment::open(control, shm::Access::read_write);
    return opened ? std::optional(std::move(*opened)) : std::nullopt;
}

/// The same instance name under another state directory would share segments.
Expected<void> Instance::refuse_second_supervisor() {
    auto control = left_control();
    if (!control) return {};
    auto& page = control->page<shm::ControlPage>();
    const auto pid = page.instance.supervisor_pid.load(std::memory_order_acquire);
    const bool lives = is_seen(pid, page.instance.supervisor_start.load(std::memory_order_relaxed)) ||
                       shm::has_bound_life(page.processes[0]);
    if (pid != 0 && pid != static_cast<uint64_t>(getpid()) && lives)
        return runs_already(config_.instance, pid, page.instance.state_dir);
    adopted_pid_ = pid;
    return {};
}

/// The last to start first, as an instance drains.
void Instance::end_leftovers() {
    auto control = left_control();
    if (!control) return;
    auto& page = control->page<shm::ControlPage>();
    const auto used = std::min<size_t>(page.instance.processes.load(std::memory_order_relaxed), shm::processes_max);
    for (size_t i = used; i-- > 0;) {
        auto& desk = page.processes[i].desk;
        if (is_seen(desk)) end_leftover(desk);
        desk.pid.store(0, std::memory_order_release);
    }
}

/// Each segment is the one that the workers have mapped, and nobody has begun to end them.
Expected<void> Instance::recognise(const Generations& known) {
    const auto known_as = [&](const std::string& name, uint64_t generation) -> Expected<void> {
        const auto found = known.find(name);
        if (found != known.end() && found->second == generation) return {};
        return fail(ErrorKind::mismatch, fmt::format("segment {} is not the one that they use", name));
    };
    if (auto same = known_as(held_governor().name(), held_governor().generation()); !same) return same;
    for (const auto& channel : channels_) {
        const auto segment = shm::Segment::open(spec(channel), shm::Access::read_only);
        if (!segment) return fail(ErrorKind::mismatch, segment.error().message);
        if (auto same = known_as(spec(channel).name(), segment->header().generation); !same) return same;
        if (channel.wire->kind == ChannelKind::control &&
            segment->page<shm::ControlPage>().instance.stopping.load(std::memory_order_relaxed) != 0)
            return fail(ErrorKind::mismatch, "the instance was being stopped");
    }
    return {};
}

Generations Instance::generations() const {
    Generations known;
    for (const auto& held : held_) known.emplace(held.name(), held.generation());
    known.emplace(held_governor().name(), held_governor().generation());
    return known;
}

Expected<void> Instance::open_segments() {
    held_.reserve(channels_.size());
    for (const auto& channel : channels_) {
        auto held = take_or_make(channel);
        if (!held) return tl::make_unexpected(held.error());
        total_bytes_ += held->total_bytes();
        held_.push_back(std::move(*held));
    }
    auto control = shm::Segment::open(spec(channels_.front()), shm::Access::read_write);
    if (!control) return tl::make_unexpected(control.error());
    control_.emplace(std::move(*control));
    fill_control();
    return {};
}

Expected<void> Instance::open_governor() {
    auto governor = HostGovernor::open(config_.governor);
    if (!governor) return tl::make_unexpected(governor.error());
    governor_.emplace(std::move(*governor));
    return {};
}

Expected<HeldSegment> Instance::take_or_make(const Channel& channel) {
    const auto wanted = spec(channel);
    if (!is_there(wanted)) return make(wanted);
    const auto existing = shm::Segment::open(wanted, shm::Access::read_write);
    if (existing) return HeldSegment::hold(wanted.name(), existing->header());
    if (existing.error().kind == ErrorKind::denied)
        return fail(ErrorKind::denied,
                    fmt::format("{}; if nobody needs it: rm /dev/shm/{}", existing.error().message, wanted.name()));
    if (existing.error().kind != ErrorKind::missing) {
        const auto other = shm::Segment::inspect("/dev/shm/" + wanted.name());
        if (other && is_made_by_another(other->header()))
            return fail(ErrorKind::busy, fmt::format("{}, and its creator, pid {}, lives", existing.error().message,
                                                     other->header().creator_pid));
        replaced_.emplace_back(wanted.name(), existing.error().message);
        shm::remove_segment(wanted.name());
    }
    return make(wanted);
}

Expected<HeldSegment> Instance::make(const shm::SegmentSpec& wanted) {
    return shm::Segment::make(wanted).and_then([&](const auto& header) {
        created_.push_back(wanted.name());
        return HeldSegment::hold(wanted.name(), *header);
    });
}

Expected<HeldSegment> Instance::remake(size_t channel) {
    const auto wanted = spec(channels_[channel]);
    shm::remove_segment(wanted.name());
    return shm::Segment::make(wanted)
        .and_then([&](const auto& header) { return HeldSegment::hold(wanted.name(), *header); })
        .map([&](HeldSegment held) { return std::exchange(held_[channel], std::move(held)); });
}

Expected<void> Instance::remake_governor() {
    HostGovernor::remove_if_useless(config_.governor);
    auto governor = HostGovernor::open(config_.governor);
    if (!governor) return tl::make_unexpected(governor.error());
    governor_.reset();
    governor_.emplace(std::move(*governor));
    return {};
}

void Instance::fill_control() {
    auto& page = control();
    auto& line = page.instance;
    line.supervisor_pid.store(static_cast<uint64_t>(getpid()), std::memory_order_relaxed);
    line.supervisor_start.store(shm::process_start(static_cast<uint64_t>(getpid())), std::memory_order_relaxed);
    line.stopping.store(0, std::memory_order_relaxed);
    if (adopted_pid_ != 0)
        line.takeovers.store(line.takeovers.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    line.started_wall_ns.store(now.tv_sec * 1'000'000'000 + now.tv_nsec, std::memory_order_relaxed);
    set_text(line.config_path, config_.path);
    set_text(line.state_dir, config_.state_dir);
    set_text(line.governor, config_.governor);
    for (size_t i = 0; i < processes_.size(); ++i) set_text(page.processes[i].desk.name, name_of(processes_[i]));
    line.processes.store(static_cast<uint32_t>(processes_.size()), std::memory_order_release);
}

WorkerState own_state(const shm::ProcessSlot& slot) {
    const bool current =
        slot.own.incarnation.load(std::memory_order_acquire) == slot.desk.incarnation.load(std::memory_order_relaxed);
    return current ? static_cast<WorkerState>(slot.own.state.load(std::memory_order_relaxed)) : WorkerState::spawned;
}

shm::ProcessSlot& Instance::slot(ProcessId process) const { return *control().find(name_of(process)); }

shm::SegmentSpec Instance::spec(const Channel& channel) const {
    const auto& wire = *channel.wire;
    const auto configured = config_.slots.find(wire.kind);
    const auto slots = configured == config_.slots.end() ? wire.slots : configured->second;
    return shm::make_spec(config_.instance, channel.name(), static_cast<shm::SegmentKind>(wire.transport),
                          name_of(wire.kind), wire.slot_bytes, slots, schema_of(wire.kind));
}

shm::Segment Instance::segment(const Channel& channel) const {
    auto opened = shm::Segment::open(spec(channel), shm::Access::read_write);
    // Made or verified a moment ago: it is the machine that fails.
    if (!opened) throw std::runtime_error(opened.error().message);
    return std::move(*opened);
}

void Instance::abandon() {
    for (const auto& name : created_) shm::remove_segment(name);
    if (governor_) governor_->release();
}

void Instance::remove_segments() {
    for (const auto& channel : channels_) shm::remove_segment(spec(channel).name());
    if (governor_) governor_->release();
}

}  // namespace of::supervisor
