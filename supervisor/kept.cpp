#include "supervisor/kept.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <charconv>
#include <fstream>
#include <sstream>

#include "supervisor/pidfd_info.hpp"
#include "supervisor/sealed_text.hpp"
#include "supervisor/state_table.hpp"

namespace of::supervisor {
namespace {

constexpr std::string_view kept_title = "orderflow-kept 1";

/// One that drains was asked to by the supervisor before: it ends, and that is seen.
State state_of_living(WorkerState word) {
    return word == WorkerState::running || word == WorkerState::draining ? State::running : State::starting;
}

State state_of_absent(WorkerState told) {
    if (told == WorkerState::stopped) return State::idle;
    return told == WorkerState::parked ? State::parked : State::waiting;
}

}  // namespace

namespace stored_name {

std::string bell(size_t slot) { return fmt::format("bell.{}", slot); }

std::string of_worker(ProcessId worker, uint32_t incarnation, std::string_view part) {
    return fmt::format("{}.{}.{}", name_of(worker), incarnation, part);
}

}  // namespace stored_name

int KeptState::write() const {
    auto text = fmt::format("{}\nlayouts {}\n", kept_title, layouts);
    for (const auto& [name, generation] : generations) text += fmt::format("segment {} {}\n", name, generation);
    text += fmt::format("config {}\nend\n", config_path);
    return sealed_text("kept", text);
}

Expected<KeptState> KeptState::read(int descriptor) {
    std::ifstream file(fmt::format("/proc/self/fd/{}", descriptor));
    close(descriptor);
    std::string line;
    if (!std::getline(file, line) || line != kept_title)
        return fail(ErrorKind::mismatch,
                    fmt::format("what is kept begins with \"{}\", not with \"{}\"", line, kept_title));
    KeptState state;
    while (std::getline(file, line) && line != "end") {
        std::istringstream words(line);
        std::string kind, name;
        words >> kind >> std::ws;
        if (kind == "config") std::getline(words, state.config_path);
        if (kind == "layouts") words >> state.layouts;
        if (kind == "segment") words >> name >> state.generations[name];
    }
    if (line != "end") return fail(ErrorKind::mismatch, "what is kept is cut");
    return state;
}

Kept::Kept(std::vector<StoredDescriptor> stored) {
    for (const auto& [name, descriptor] : stored) {
        all_.push_back(name);
        left_.emplace(name, descriptor);
    }
}

Kept::~Kept() {
    for (const auto& [name, descriptor] : left_) close(descriptor);
}

int Kept::take(const std::string& name) {
    const auto found = left_.find(name);
    if (found == left_.end()) return -1;
    const int descriptor = found->second;
    left_.erase(found);
    return descriptor;
}

std::pair<uint32_t, int> Kept::take_config() {
    std::string best;
    uint32_t highest = 0;
    for (const auto& [name, descriptor] : left_) {
        if (!name.starts_with(stored_name::config)) continue;
        uint32_t generation = 0;
        std::from_chars(name.data() + stored_name::config.size(), name.data() + name.size(), generation);
        if (generation <= highest) continue;
        highest = generation;
        best = name;
    }
    return {highest, take(best)};
}

Handover::Worker Kept::take_worker(ProcessId process, const shm::ProcessSlot& slot) {
    const auto& desk = slot.desk;
    const auto incarnation = desk.incarnation.load(std::memory_order_acquire);
    const auto part = [&](size_t which) {
        return take(stored_name::of_worker(process, incarnation, stored_name::worker_parts[which]));
    };
    Handover::Worker worker{.name = name_of(process),
                            .state = static_cast<int>(
                                state_of_absent(static_cast<WorkerState>(desk.state.load(std::memory_order_relaxed)))),
                            .pid = static_cast<int64_t>(desk.pid.load(std::memory_order_acquire)),
                            .failures = desk.failures.load(std::memory_order_relaxed)};
    if (worker.pid == 0) return worker;  // one that was never let in ends at its gate
    worker.pidfd = part(0);
    worker.errors = part(1);
    worker.black_box = part(2);
    worker.is_child = false;
    if (worker.pidfd < 0)
        worker.pidfd = open_pidfd(static_cast<uint64_t>(worker.pid), desk.start_time.load(std::memory_order_relaxed));
    const auto state = state_of_living(own_state(slot));
    worker.state = static_cast<int>(state);
    if (state == State::running) worker.ready_ns = slot.own.ready_ns.load(std::memory_order_relaxed);
    return worker;
}

void Kept::forget_rest(DescriptorStore& store) {
    for (const auto& [name, descriptor] : left_) store.remove(name);
}

void Kept::forget_all(DescriptorStore& store) {
    for (const auto& name : all_) store.remove(name);
}

}  // namespace of::supervisor
