#include "workers/runtime/attachment.hpp"

#include <fmt/format.h>

#include "proto/schema.hpp"

namespace of {

shm::SegmentSpec spec_of(const std::string& instance, const Channel& channel) {
    const auto& wire = *channel.wire;
    return shm::make_spec(instance, channel.name(), static_cast<shm::SegmentKind>(wire.transport), name_of(wire.kind),
                          wire.slot_bytes, 0, schema_of(wire.kind));
}

Expected<Attachment> Attachment::open(const WorkerOptions& options) {
    const Channel control_channel{&wiring[0], {}, {}};
    auto control = shm::Segment::open(spec_of(options.instance, control_channel), shm::Access::read_write);
    if (!control) return tl::make_unexpected(control.error());
    Attachment attachment(std::move(*control));
    attachment.options_ = options;
    const auto& page = attachment.control();
    const auto used = std::min<size_t>(page.instance.processes.load(std::memory_order_acquire), shm::processes_max);
    for (size_t i = 0; i < used; ++i) {
        if (const auto process = parse_process(page.processes[i].desk.name)) attachment.processes_.push_back(*process);
    }
    attachment.channels_ = channels_of(attachment.processes_);
    attachment.slot_ = attachment.control().find(name_of(options.self));
    if (attachment.slot_ == nullptr)
        return fail(ErrorKind::missing,
                    fmt::format("instance {} has no process called {}", options.instance, name_of(options.self)));
    if (!options.doorbells.contains(name_of(options.self)))
        return fail(ErrorKind::invalid,
                    fmt::format("--doorbells names no descriptor for {} itself", name_of(options.self)));
    return attachment;
}

Expected<Channel> Attachment::channel(ChannelKind kind, ProcessId writer, ProcessId reader) const {
    for (const auto& channel : channels_) {
        const bool ends =
            channel.writer == writer && (channel.wire->transport != Transport::queue || channel.reader == reader);
        if (channel.wire->kind == kind && ends) return channel;
    }
    return fail(ErrorKind::missing, fmt::format("the topology has no {} channel from {} to {}", name_of(kind),
                                                name_of(writer), name_of(reader)));
}

Expected<shm::Segment> Attachment::segment(ChannelKind kind, ProcessId writer, ProcessId reader,
                                           shm::Access access) const {
    return channel(kind, writer, reader).and_then([&](const Channel& found) {
        return shm::Segment::open(spec_of(options_.instance, found), access);
    });
}

std::vector<shm::DoorbellWriter> Attachment::doorbells(ChannelKind kind, ProcessId writer, ProcessId reader) const {
    std::vector<shm::DoorbellWriter> bells;
    const auto found = channel(kind, writer, reader);
    if (!found) return bells;
    // What goes through a queue is waited for; the readers of broadcast rings may let it gather.
    const auto wake_at = found->wire->transport == Transport::queue ? shm::WakeAt::first : shm::WakeAt::fill;
    for (const auto process : readers_of(*found, processes_)) {
        const auto name = name_of(process);
        const auto descriptor = options_.doorbells.find(name);
        auto* sleeper = control().find(name);
        if (descriptor == options_.doorbells.end() || sleeper == nullptr || process == options_.self) continue;
        bells.emplace_back(sleeper->sleep, descriptor->second, fence(), wake_at);
    }
    return bells;
}

Expected<shm::Segment> Attachment::governor() const {
    const auto name = shm::text_of(control().instance.governor);
    return shm::Segment::open(shm::make_spec(name, "governor", shm::SegmentKind::page, "governor", 0, 0, ""),
                              shm::Access::read_write);
}

shm::DoorbellReader Attachment::own_doorbell() const {
    return {slot_->sleep, options_.doorbells.find(name_of(options_.self))->second, fence()};
}

}  // namespace of
