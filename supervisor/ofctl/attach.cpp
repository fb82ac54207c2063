#include "supervisor/ofctl/attach.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>

#include "shm/commit_word.hpp"
#include "shm/verify.hpp"

namespace of::ofctl {
namespace {

using shm::text_of;

constexpr std::string_view control_suffix = ".control";

/// The state letter of /proc/<pid>/stat, or 0.
char proc_state(uint64_t pid) {
    std::ifstream file(fmt::format("/proc/{}/stat", pid));
    std::string text;
    std::getline(file, text);
    const auto close = text.rfind(')');
    return close == std::string::npos || close + 2 >= text.size() ? '\0' : text[close + 2];
}

int64_t clock_now(clockid_t clock) {
    timespec now{};
    clock_gettime(clock, &now);
    return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

int64_t mono_now() { return clock_now(CLOCK_MONOTONIC); }
int64_t wall_now() { return clock_now(CLOCK_REALTIME); }

std::vector<std::string> instances_in(const std::string& folder) {
    std::vector<std::string> names;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
        const auto name = entry.path().filename().string();
        if (name.size() > control_suffix.size() && name.ends_with(control_suffix))
            names.push_back(name.substr(0, name.size() - control_suffix.size()));
    }
    std::ranges::sort(names);
    return names;
}

Expected<std::string> choose_instance(const std::string& given, const std::string& folder) {
    if (!given.empty()) return given;
    if (const char* chosen = std::getenv("ORDERFLOW_INSTANCE"); chosen != nullptr && *chosen != 0)
        return std::string(chosen);
    const auto names = instances_in(folder);
    if (names.empty()) return std::string("orderflow");
    if (names.size() == 1) return names.front();
    return fail(ErrorKind::invalid,
                fmt::format("there are several instances: {}; choose one with --instance NAME or $ORDERFLOW_INSTANCE",
                            fmt::join(names, ", ")));
}

std::string ProcessView::label() const {
    const bool claims_life = state != WorkerState::absent && state != WorkerState::stopped &&
                             state != WorkerState::failed && state != WorkerState::parked;
    if (claims_life && !alive) return "dead";
    if (frozen) return fmt::format("{} (frozen)", name_of(state));
    return std::string(name_of(state));
}

Expected<View> View::open(const Source& source) {
    auto control = shm::Segment::inspect(fmt::format("{}/{}.control", source.folder, source.instance));
    if (!control && control.error().kind == ErrorKind::missing)
        return fail(
            ErrorKind::missing,
            fmt::format("no instance called {} in {}: no supervisor has run under this name, or it stopped in order",
                        source.instance, source.folder));
    if (!control) return tl::make_unexpected(control.error());
    const auto expected = shm::make_spec("", "", shm::SegmentKind::page, "control", 0, 0, "");
    if (control->header().layout_hash != expected.layout_hash() ||
        control->header().total_bytes != expected.total_bytes())
        return fail(ErrorKind::mismatch,
                    fmt::format("the control page of {} has layout {:016x}, this ofctl knows {:016x}", source.instance,
                                control->header().layout_hash, expected.layout_hash()));
    return View(source, std::move(*control));
}

bool View::supervisor_alive() const {
    const auto& line = control().instance;
    const auto pid = line.supervisor_pid.load(std::memory_order_acquire);
    return !source_.copied() && pid != 0 &&
           shm::process_lives(pid, line.supervisor_start.load(std::memory_order_relaxed));
}

bool View::supervisor_frozen() const {
    return supervisor_alive() && proc_state(control().instance.supervisor_pid.load(std::memory_order_relaxed)) == 'T';
}

ProcessView View::judge(const shm::ProcessSlot& slot) const {
    const auto& desk = slot.desk;
    const auto pid = desk.pid.load(std::memory_order_acquire);
    auto state = static_cast<WorkerState>(desk.state.load(std::memory_order_relaxed));
    const bool speaks =
        slot.own.incarnation.load(std::memory_order_relaxed) == desk.incarnation.load(std::memory_order_relaxed);
    if (state == WorkerState::spawned && speaks)
        state = static_cast<WorkerState>(slot.own.state.load(std::memory_order_relaxed));
    const bool alive =
        !source_.copied() && pid != 0 && shm::process_lives(pid, desk.start_time.load(std::memory_order_relaxed));
    return {std::string(text_of(desk.name)), &slot, state, alive, alive && proc_state(pid) == 'T'};
}

std::vector<ProcessView> View::workers() const {
    std::vector<ProcessView> found;
    const auto used =
        std::min<size_t>(control().instance.processes.load(std::memory_order_acquire), shm::processes_max);
    for (size_t i = 0; i < used; ++i) {
        auto process = judge(control().processes[i]);
        if (process.name != name_of(ProcessKind::supervisor)) found.push_back(std::move(process));
    }
    return found;
}

std::optional<ProcessView> View::worker(std::string_view name) const {
    for (auto& process : workers()) {
        if (process.name == name) return process;
    }
    return {};
}

Expected<shm::Segment> View::segment(const std::string& channel) const {
    auto segment = shm::Segment::inspect(path_of(source_, channel));
    if (!segment && segment.error().kind == ErrorKind::missing)
        return fail(ErrorKind::missing,
                    fmt::format("instance {} has no segment {}; see ofctl shm ls", source_.instance, channel));
    return segment;
}

std::string path_of(const Source& source, const std::string& channel) {
    const auto usual = fmt::format("{}/{}.{}", source.folder, source.instance, channel);
    if (channel != governor_channel) return usual;
    const auto control = shm::Segment::inspect(path_of(source, "control"));
    if (!control || !shm::is_page(*control, "control")) return usual;
    const auto name = shm::text_of(control->page<shm::ControlPage>().instance.governor);
    const bool plain = !name.empty() && name.find('/') == std::string_view::npos;
    return plain ? fmt::format("{}/{}.{}", source.folder, name, channel) : usual;
}

std::vector<std::string> channels_in(const Source& source) {
    std::vector<std::string> found;
    std::error_code error;
    const auto prefix = source.instance + ".";
    for (const auto& entry : std::filesystem::directory_iterator(source.folder, error)) {
        const auto name = entry.path().filename().string();
        if (name.starts_with(prefix)) found.push_back(name.substr(prefix.size()));
    }
    const bool listed = std::ranges::find(found, governor_channel) != found.end();
    if (!found.empty() && !listed && std::filesystem::exists(path_of(source, governor_channel), error))
        found.push_back(governor_channel);
    std::ranges::sort(found);
    return found;
}

Error unknown_layout(const shm::Segment& segment, const std::string& channel) {
    return {ErrorKind::mismatch, fmt::format("{} has layout {:016x}, which this ofctl does not know", channel,
                                             segment.header().layout_hash)};
}

Expected<std::vector<std::pair<std::string, shm::Segment>>> open_segments(const View& view, std::string_view kind,
                                                                          std::string_view only) {
    std::vector<std::pair<std::string, shm::Segment>> segments;
    for (const auto& channel : channels_in(view.source())) {
        if (channel.substr(0, channel.find('.')) != kind) continue;
        auto process = channel.substr(kind.size() + 1);
        if (!only.empty() && process != only) continue;
        auto segment = view.segment(channel);
        if (!segment) return tl::make_unexpected(segment.error());
        if (!shm::is_page(*segment, kind)) return tl::make_unexpected(unknown_layout(*segment, channel));
        segments.emplace_back(std::move(process), std::move(*segment));
    }
    if (!only.empty() && segments.empty())
        return fail(ErrorKind::missing, fmt::format("{} has no {} page", only, kind));
    return segments;
}

uint64_t unread(const View& view, const ProcessView& process) {
    uint64_t behind = 0;
    for (const auto& cursor : process.slot->cursors) {
        const std::string channel(cursor.channel, strnlen(cursor.channel, sizeof cursor.channel));
        if (channel.empty()) break;
        const auto segment = view.segment(channel);
        if (!segment || segment->header().kind != shm::SegmentKind::broadcast ||
            segment->header().generation != cursor.generation.load(std::memory_order_relaxed))
            continue;
        const auto tail = shm::ring_tail(*segment);
        const auto position = cursor.position.load(std::memory_order_relaxed);
        behind += tail > position ? tail - position : 0;
    }
    return behind;
}

}  // namespace of::ofctl
