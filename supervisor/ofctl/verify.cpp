#include "supervisor/ofctl/verify.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "proto/calls.hpp"
#include "supervisor/ofctl/decode.hpp"

namespace of::ofctl {
namespace {

/// What a living writer may change between two looks is looked at so often.
constexpr int looks_max = 4;

/// The processes that the control page names; those of an instance with one feed when it names none.
std::vector<ProcessId> processes_in(const Source& source) {
    std::vector<ProcessId> found;
    if (const auto view = View::open(source)) {
        const auto& page = view->control();
        const auto used = std::min<size_t>(page.instance.processes.load(std::memory_order_acquire), shm::processes_max);
        for (size_t i = 0; i < used; ++i) {
            if (const auto process = parse_process(shm::text_of(page.processes[i].desk.name)))
                found.push_back(*process);
        }
    }
    return found.empty() ? processes_of(feeds_default) : found;
}

std::string field_words(const Field& field) {
    return fmt::format("{} at {}{}", field.kind, field.offset,
                       field.elements == 1 ? "" : fmt::format(", {} elements", field.elements));
}

void compare_message(shm::Findings& findings, const MessageSchema& found, const MessageSchema& expected) {
    const auto at = uint64_t{shm::header_bytes};
    if (found.type != expected.type || found.bytes != expected.bytes)
        findings.add(at, fmt::format("schema: message {}", expected.name),
                     fmt::format("type {}, {} bytes", static_cast<unsigned>(found.type), found.bytes),
                     fmt::format("type {}, {} bytes", static_cast<unsigned>(expected.type), expected.bytes));
    for (const auto& field : expected.fields) {
        const auto what = fmt::format("schema: field {} of {}", field.name, expected.name);
        const auto theirs = std::ranges::find(found.fields, field.name, &Field::name);
        if (theirs == found.fields.end()) {
            findings.add(at, what, "none", field_words(field));
        } else if (field_words(*theirs) != field_words(field)) {
            findings.add(at, what, field_words(*theirs), field_words(field));
        }
    }
    for (const auto& field : found.fields) {
        if (std::ranges::find(expected.fields, field.name, &Field::name) == expected.fields.end())
            findings.add(at, fmt::format("schema: field {} of {}", field.name, expected.name), field_words(field),
                         "none");
    }
}

/// Each message that is whole: its type is one of the ring's, its origin the ring's writer.
class MessageCheck {
  public:
    MessageCheck(const RingView& ring, const Channel& channel)
        : ring_(ring), origin_(channel.writer.packed()), messages_(parse_schema(ring.segment().schema())) {}

    void run(shm::Findings& findings) const {
        std::vector<std::byte> message;
        const auto tail = ring_.tail();
        for (auto position = ring_.oldest(); position < tail; ++position) {
            if (!ring_.read(position, message)) continue;
            const auto& header = *reinterpret_cast<const Header*>(message.data());
            const auto slot = position & (ring_.slots() - 1);
            const auto offset =
                shm::body_offset + sizeof(shm::RingLines) + slot * ring_.segment().header().slot_bytes + 8;
            if (std::ranges::find(messages_, header.type, &MessageSchema::type) == messages_.end())
                findings.add(offset, fmt::format("type of message {}", position), static_cast<uint64_t>(header.type),
                             "one of the ring's schema");
            else if (header.origin != origin_)
                findings.add(offset + offsetof(Header, origin), fmt::format("origin of message {}", position),
                             header.origin, fmt::format("{}, the ring's writer", origin_));
        }
    }

  private:
    const RingView& ring_;
    uint8_t origin_;
    std::vector<MessageSchema> messages_;
};

template <typename State>
void verify_state(shm::Findings& findings, uint64_t offset, std::string_view what, uint32_t state) {
    if (name_of(static_cast<State>(state)) == "unknown") findings.add(offset, what, state, "a state that there is");
}

/// What only this program knows of the control page: names of processes, and states.
void verify_words(shm::Findings& findings, const shm::ControlPage& page) {
    const auto used = std::min<size_t>(page.instance.processes.load(std::memory_order_acquire), shm::processes_max);
    for (size_t i = 0; i < used; ++i) {
        const auto& slot = page.processes[i];
        const auto offset = shm::body_offset + offsetof(shm::ControlPage, processes) + i * sizeof(shm::ProcessSlot);
        const auto name = shm::text_of(slot.desk.name);
        if (!parse_process(name)) findings.add(offset, "name of a process", std::string(name), "a process there is");
        verify_state<WorkerState>(findings, offset + offsetof(shm::DeskLine, state), fmt::format("state of {}", name),
                                  slot.desk.state.load(std::memory_order_relaxed));
        verify_state<WorkerState>(findings, offset + offsetof(shm::ProcessSlot, own) + offsetof(shm::OwnLine, state),
                                  fmt::format("own state of {}", name), slot.own.state.load(std::memory_order_relaxed));
    }
}
void verify_words(shm::Findings& findings, const shm::BookPage& page) {
    const auto used = std::min<size_t>(page.symbols.load(std::memory_order_acquire), shm::symbols_max);
    for (size_t i = 0; i < used; ++i) {
        const auto offset = shm::body_offset + offsetof(shm::BookPage, entries) + i * sizeof(shm::BookEntry);
        verify_state<BookState>(findings, offset + offsetof(shm::BookEntry, state),
                                fmt::format("state of {}", page.entries[i].symbol()),
                                page.entries[i].state.load(std::memory_order_relaxed));
    }
}

/// Repeats a check that a living instance may disturb, and keeps what it finds each time.
template <typename Check>
shm::Findings settled(Check check) {
    shm::Findings findings;
    check(findings);
    for (int again = 1; again < looks_max && !findings.empty(); ++again) {
        shm::Findings next;
        check(next);
        findings.keep_common(next);
    }
    return findings;
}

class InstanceCheck {
  public:
    InstanceCheck(const Source& source, shm::Depth depth)
        : source_(source), depth_(depth), wired_(channels_of(processes_in(source))) {}

    std::vector<std::string> all_channels() const {
        auto names = channels_in(source_);
        for (const auto& channel : wired_) names.push_back(channel.name());
        std::ranges::sort(names);
        names.erase(std::unique(names.begin(), names.end()), names.end());
        return names;
    }
    SegmentReport report(const std::string& name) {
        SegmentReport report{.channel = name};
        const auto wire = std::ranges::find(wired_, name, &Channel::name);
        const bool wired = wire != wired_.end();
        auto segment = shm::Segment::inspect(path_of(source_, name));
        if (!segment) return refused(std::move(report), segment.error());
        report.content = content_of(*segment);
        const bool played = source_.copied() && shm::was_played(*segment);
        if (played) report.content += ", played from a recording";
        report.findings = shm::verify(*segment, played ? shm::Taken::played : shm::Taken::in_place, depth_);
        if (!report.findings.empty() && source_.copied() &&
            shm::verify(*segment, shm::Taken::while_written, depth_).empty()) {
            report.findings = {};
            report.content += ", copied while written";
        }
        verify_name(report.findings, *segment, name);
        if (!report.findings.empty()) report.worsen(Verdict::corrupt);
        if (name == governor_channel) return report;  // not of this instance alone, so not in its wiring
        if (!wired) {
            report.findings.add(0, "the wiring", "this segment", "no channel of this name");
            report.worsen(Verdict::surplus);
            return report;
        }
        // What is laid out otherwise must not be read as what its name promises.
        if (!verify_layout(report, *segment, *wire)) return report;
        verify_content(report, std::move(*segment), *wire);
        return report;
    }

  private:
    static SegmentReport refused(SegmentReport report, const Error& error) {
        report.worsen(error.kind == ErrorKind::missing    ? Verdict::missing
                      : error.kind == ErrorKind::mismatch ? Verdict::mismatch
                      : error.kind == ErrorKind::denied   ? Verdict::denied
                                                          : Verdict::corrupt);
        report.findings.add(0, "the segment", error.message, "one that describes itself");
        return report;
    }
    static std::string content_of(const shm::Segment& segment) {
        const auto& header = segment.header();
        if (header.kind == shm::SegmentKind::page) return "page";
        return fmt::format("{}, {} slots, {} messages", of::name_of(static_cast<Transport>(header.kind)), header.slots,
                           shm::ring_tail(segment));
    }
    void verify_name(shm::Findings& findings, const shm::Segment& segment, const std::string& name) const {
        const auto& header = segment.header();
        const auto instance = shm::text_of(header.instance);
        const auto channel = shm::text_of(header.channel);
        if (instance != source_.instance && name != governor_channel)
            findings.add(offsetof(shm::SegmentHeader, instance), "instance", std::string(instance),
                         fmt::format("{}, as the file's name", source_.instance));
        if (channel != name)
            findings.add(offsetof(shm::SegmentHeader, channel), "channel", std::string(channel),
                         fmt::format("{}, as the file's name", name));
    }
    /// The segment against the wiring's row and this program's messages.
    static bool verify_layout(SegmentReport& report, const shm::Segment& segment, const Channel& channel) {
        const auto& header = segment.header();
        const auto& wire = *channel.wire;
        shm::Findings findings;
        if (header.kind != static_cast<shm::SegmentKind>(wire.transport)) {
            findings.add(offsetof(shm::SegmentHeader, kind), "kind",
                         std::string(of::name_of(static_cast<Transport>(header.kind))),
                         std::string(of::name_of(wire.transport)));
        } else if (header.kind == shm::SegmentKind::page && !shm::is_page(segment, of::name_of(wire.kind))) {
            const auto expected = shm::page_spec(of::name_of(wire.kind));
            findings.add(offsetof(shm::SegmentHeader, layout_hash), "layout_hash",
                         fmt::format("{:016x} in {} bytes", header.layout_hash, header.total_bytes),
                         fmt::format("{:016x} in {}", expected ? expected->layout_hash() : 0,
                                     expected ? expected->total_bytes() : 0));
        } else if (header.kind != shm::SegmentKind::page) {
            if (header.slot_bytes != wire.slot_bytes)
                findings.add(offsetof(shm::SegmentHeader, slot_bytes), "slot_bytes", header.slot_bytes,
                             std::to_string(wire.slot_bytes));
            verify_schema(findings, segment.schema(), schema_of(wire.kind));
        }
        if (findings.empty()) return true;
        report.worsen(Verdict::mismatch);
        merge(report.findings, findings);
        return false;
    }
    void verify_content(SegmentReport& report, shm::Segment segment, const Channel& channel) {
        const auto kind = channel.wire->kind;
        shm::Findings findings;
        if (segment.header().kind != shm::SegmentKind::page) {
            if (depth_ == shm::Depth::quick) return;
            const RingView ring(std::move(segment));
            const MessageCheck check(ring, channel);
            findings = settled([&](shm::Findings& into) { check.run(into); });
        } else if (kind == ChannelKind::control) {
            const auto& page = segment.page<shm::ControlPage>();
            findings = settled([&](shm::Findings& into) { verify_words(into, page); });
            merge(findings, settled([&](shm::Findings& into) { into = verify_cursors(page, rings()); }));
        } else if (kind == ChannelKind::book) {
            findings = settled([&](shm::Findings& into) { verify_words(into, segment.page<shm::BookPage>()); });
        }
        if (findings.empty()) return;
        report.worsen(Verdict::corrupt);
        merge(report.findings, findings);
    }
    static void merge(shm::Findings& into, const shm::Findings& more) {
        for (const auto& finding : more.kept()) into.add(finding.offset, finding.what, finding.found, finding.expected);
    }
    /// The instance's rings by channel, opened once.
    std::function<const shm::Segment*(std::string_view)> rings() {
        return [this](std::string_view name) -> const shm::Segment* {
            const std::string channel(name);
            auto found = rings_.find(channel);
            if (found == rings_.end()) {
                auto segment = shm::Segment::inspect(path_of(source_, channel));
                if (!segment) return nullptr;
                found = rings_.emplace(channel, std::move(*segment)).first;
            }
            return &found->second;
        };
    }

    Source source_;
    shm::Depth depth_;
    std::vector<Channel> wired_;
    std::map<std::string, shm::Segment> rings_;
};

}  // namespace

std::string_view name_of(Verdict verdict) {
    constexpr std::array names{"ok", "corrupt", "mismatch", "missing", "surplus", "denied"};
    return names[static_cast<size_t>(verdict)];
}

void verify_schema(shm::Findings& findings, std::string_view found, std::string_view expected) {
    if (found == expected) return;
    const auto theirs = parse_schema(found);
    const auto ours = parse_schema(expected);
    const auto before = findings.total();
    for (const auto& message : ours) {
        const auto same = std::ranges::find(theirs, message.name, &MessageSchema::name);
        if (same == theirs.end()) {
            findings.add(shm::header_bytes, fmt::format("schema: message {}", message.name), "none",
                         fmt::format("{} bytes", message.bytes));
        } else {
            compare_message(findings, *same, message);
        }
    }
    for (const auto& message : theirs) {
        if (std::ranges::find(ours, message.name, &MessageSchema::name) == ours.end())
            findings.add(shm::header_bytes, fmt::format("schema: message {}", message.name),
                         fmt::format("{} bytes", message.bytes), "none");
    }
    if (findings.total() == before)
        findings.add(shm::header_bytes, "schema", "the same fields in another order or spelling",
                     "this program's text");
}

Expected<std::vector<SegmentReport>> verify_instance(const Source& source, const std::vector<std::string>& channels,
                                                     shm::Depth depth) {
    const auto present = channels_in(source);
    if (present.empty())
        return fail(ErrorKind::missing,
                    fmt::format("instance {} has no segments in {}", source.instance, source.folder));
    for (const auto& channel : channels) {
        if (std::ranges::find(present, channel) == present.end())
            return fail(ErrorKind::missing,
                        fmt::format("instance {} has no segment {}; see ofctl shm ls", source.instance, channel));
    }
    InstanceCheck check(source, depth);
    std::vector<SegmentReport> reports;
    for (const auto& channel : channels.empty() ? check.all_channels() : channels)
        reports.push_back(check.report(channel));
    return reports;
}

}  // namespace of::ofctl
