#include "supervisor/autopsy/autopsy.hpp"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <map>

#include "proto/topology.hpp"
#include "shm/black_box.hpp"
#include "shm/segment.hpp"
#include "supervisor/autopsy/bundle.hpp"
#include "supervisor/autopsy/bundle_writer.hpp"
#include "supervisor/autopsy/core_file.hpp"
#include "supervisor/autopsy/host_facts.hpp"
#include "supervisor/autopsy/log_tail.hpp"
#include "supervisor/autopsy/ring_cut.hpp"
#include "supervisor/autopsy/stacks.hpp"
#include "supervisor/autopsy/system_call_name.hpp"

namespace of::autopsy {
namespace {

using shm::BlackBox;

std::string area_of(int box, size_t at, size_t bytes_max) {
    std::string text(bytes_max, '\0');
    const auto bytes = pread(box, text.data(), bytes_max, static_cast<off_t>(at));
    text.resize(strnlen(text.data(), static_cast<size_t>(std::max<ssize_t>(bytes, 0))));
    return text;
}

std::optional<BlackBox> read_box(int descriptor) {
    BlackBox box{};
    if (descriptor < 0 || pread(descriptor, &box, sizeof box, 0) != sizeof box || box.magic != shm::black_box_magic)
        return {};
    return box;
}

Crash read_crash(int descriptor, const BlackBox& box) {
    Crash crash{box, area_of(descriptor, BlackBox::crash_maps_at, BlackBox::maps_bytes_max), {}};
    crash.stack.resize(BlackBox::stack_bytes_max);
    const auto bytes = pread(descriptor, crash.stack.data(), crash.stack.size(), BlackBox::stack_at);
    crash.stack.resize(static_cast<size_t>(std::max<ssize_t>(bytes, 0)));
    return crash;
}

/// The examination of one death.
class Autopsy {
  public:
    Autopsy(Case& examined, BundleWriter& writer)
        : facts_(examined.facts),
          writer_(writer),
          instance_(facts_.get("instance")),
          worker_(facts_.get("worker")),
          cut_at_{.until_ns = facts_.number("died_mono_ns"), .since_ns = facts_.number("spawned_mono_ns")} {
        examine_box(examined.black_box, examined.live_stack);
        find_cause();
        copy_segments();
        writer_.file("pressure.txt", pressure_text(std::string(facts_.get("cgroup"))));
        const auto died_ns = facts_.number("died_wall_ns");
        writer_.file(log_file, log_.text(died_ns));
        const auto since_ns = died_ns - facts_.number("lived_ms") * 1'000'000;
        facts_.add("assertion", log_.assertion_of(worker_, since_ns));
    }

  private:
    void examine_box(int descriptor, const std::string& live_stack) {
        const auto box = read_box(descriptor);
        std::string stack = live_stack.empty() ? "" : "While it did not beat, " + live_stack;
        std::string maps = area_of(descriptor, BlackBox::maps_at, BlackBox::maps_bytes_max);
        if (box && box->state == shm::BlackBoxState::crashed) {
            const auto crash = read_crash(descriptor, *box);
            maps = crash.maps;
            tell_crash(*box);
            stack += fmt::format("{}Where SIG{} struck, thread {}:\n{}", stack.empty() ? "" : "\n",
                                 signal_name(box->signal), box->thread, stack_of_crash(crash));
        }
        facts_.add("stack", stack.empty() ? "none: nothing ran in it any more" : "yes");
        if (!stack.empty()) writer_.file(stack_file, stack);
        if (!maps.empty()) writer_.file("maps.txt", maps);
        const auto limits = area_of(descriptor, BlackBox::limits_at, BlackBox::limits_bytes_max);
        if (!limits.empty()) writer_.file("limits.txt", limits);
    }

    static std::string_view signal_name(int number) {
        const char* name = sigabbrev_np(number);
        return name == nullptr ? "?" : name;
    }

    void tell_crash(const BlackBox& box) {
        facts_.add("signal_code", box.code);
        facts_.add("signal_from", box.code > 0 ? "the kernel" : "a process");
        if (box.address != 0 && box.code > 0) facts_.add("fault_address", fmt::format("{:#x}", box.address));
        facts_.add("instruction", fmt::format("{:#x}", box.registers.back()));
        facts_.add("thread", box.thread);
        if (box.signal == SIGSYS && box.code > 0) facts_.add("system_call", system_call_name(box.system_call));
    }

    void find_cause() {
        const bool killed = facts_.get("signal_number") == std::to_string(SIGKILL) && facts_.get("cause") == "signal";
        const auto evidence = killed ? oom_evidence(facts_) : "";
        if (!evidence.empty()) {
            facts_.set("cause", "oom");
            facts_.add("oom_evidence", evidence);
        }
        if (facts_.get("core_dumped") == "yes") tell_core();
        utsname host{};
        uname(&host);
        facts_.add("kernel", fmt::format("{} {}", host.sysname, host.release));
    }

    void tell_core() {
        utsname host{};
        uname(&host);
        const auto pid = static_cast<uint64_t>(facts_.number("pid"));
        const auto found = find_core({.pid = pid,
                                      .thread = static_cast<uint64_t>(facts_.number("thread", facts_.number("pid"))),
                                      .signal = static_cast<int>(facts_.number("signal_number")),
                                      .time_s = facts_.number("died_wall_ns") / 1'000'000'000,
                                      .command = "of-" + worker_.substr(0, worker_.find('.')),
                                      .executable = std::string(facts_.get("program")),
                                      .host = host.nodename,
                                      .uid = getuid(),
                                      .gid = getgid()},
                                     std::string(facts_.get("folder")));
        facts_.add("core_file", found.path);
        if (found.bytes != 0) facts_.add("core_bytes", found.bytes);
    }

    /// What explains most comes first: the bundle may fill.
    static int rank(ChannelKind kind) {
        switch (kind) {
            case ChannelKind::control:
                return 0;
            case ChannelKind::log:
                return 1;
            case ChannelKind::error:
            case ChannelKind::breaker:
                return 2;
            case ChannelKind::market:
            case ChannelKind::book:
                return 3;
            default:
                return 4;
        }
    }

    bool concerns(const Channel& channel) const {
        const auto kind = channel.wire->kind;
        if (kind == ChannelKind::control || kind == ChannelKind::book || kind == ChannelKind::log) return true;
        const bool reads_market = kind == ChannelKind::market && cursor_of(channel.name());
        return reads_market || name_of(channel.writer) == worker_ || name_of(channel.reader) == worker_;
    }

    void copy_segments() {
        auto channels = channels_of(processes_of(1));
        std::ranges::stable_sort(channels, {}, [](const Channel& channel) { return rank(channel.wire->kind); });
        for (const auto& channel : channels) {
            if (!concerns(channel)) continue;
            const auto name = fmt::format("{}.{}", instance_, channel.name());
            const auto segment = shm::Segment::inspect("/dev/shm/" + name);
            if (!segment) {
                facts_.add("left_out", segment.error().message);
                continue;
            }
            if (channel.wire->kind == ChannelKind::log) log_.take(*segment);
            if (segment->header().kind == shm::SegmentKind::page) {
                const auto* begin = reinterpret_cast<const std::byte*>(&segment->header());
                writer_.file(name, std::span(begin, segment->header().total_bytes));
            } else {
                copy_ring(channel, *segment, name);
            }
        }
    }

    void copy_ring(const Channel& channel, const shm::Segment& ring, const std::string& name) {
        auto at = cut_at_;
        const bool own = name_of(channel.writer) == worker_;
        if (!own && channel.wire->kind == ChannelKind::market) at.read_to = cursor_of(channel.name());
        const auto cut = cut_ring(ring, at);
        writer_.file(name, cut.file);
        if (own)
            facts_.add("ring", fmt::format("{} positions {} to {}, {} of this incarnation", channel.name(), cut.begin,
                                           cut.end, cut.of_incarnation));
        if (at.read_to) facts_.add("ring", fmt::format("{} positions {} to {}", channel.name(), cut.begin, cut.end));
    }

    /// The position of "market.0 position 12 lost 0".
    std::optional<uint64_t> cursor_of(const std::string& channel) const {
        const auto start = channel + " position ";
        for (const auto cursor : facts_.all("cursor"))
            if (cursor.starts_with(start)) return std::strtoull(cursor.data() + start.size(), nullptr, 10);
        return {};
    }

    Facts& facts_;
    BundleWriter& writer_;
    std::string instance_;
    std::string worker_;
    CutAt cut_at_;
    LogTail log_;
};

}  // namespace

Case read_case(std::string_view text) {
    const auto gap = text.find("\n\n");
    Case read{.facts = Facts::parse(text.substr(0, gap)), .live_stack = {}};
    if (gap != std::string_view::npos) read.live_stack = text.substr(gap + 2);
    return read;
}

Expected<Written> write_bundle(Case examined) {
    const auto began = std::chrono::steady_clock::now();
    auto& facts = examined.facts;
    if (facts.get("state_dir").empty() || !is_bundle_id(facts.get("worker")))
        return fail(ErrorKind::invalid, "the facts name no state directory, or no worker");
    const auto folder = bundles_folder(std::string(facts.get("state_dir")));
    const auto id = bundle_id(facts.number("died_wall_ns"), facts.get("worker"),
                              static_cast<uint64_t>(facts.number("incarnation")));
    remove_unfinished(folder);
    auto writer = BundleWriter::begin(folder, id, examined.bundle_bytes_max);
    if (!writer) return tl::make_unexpected(writer.error());
    facts.add("id", id);
    Autopsy(examined, *writer);
    for (const auto& file : writer->left_out()) facts.add("left_out", file);
    const auto took = std::chrono::steady_clock::now() - began;
    facts.add("autopsy_us", std::chrono::duration_cast<std::chrono::microseconds>(took).count());
    writer->file(facts_file, facts.text());
    if (auto shown = writer->finish(); !shown) return tl::make_unexpected(shown.error());
    for (const auto& victim : superfluous(list_bundles(folder), examined.keep, examined.total_bytes_max))
        static_cast<void>(remove_bundle(folder, victim));  // tried again at the next death
    return Written{id, writer->bytes()};
}

}  // namespace of::autopsy
