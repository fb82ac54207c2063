// ofctl version: of this program, its compiler and the layouts it knows, held against the running instance.
#include <fmt/format.h>

#include <set>

#include "proto/log_catalog.hpp"
#include "proto/schema.hpp"
#include "supervisor/ofctl/control_client.hpp"
#include "supervisor/ofctl/json.hpp"
#include "supervisor/ofctl/print.hpp"

namespace of::ofctl {
namespace {

struct KnownLayout {
    std::string kind;
    uint64_t hash;
};

/// Of each kind of channel and page, as this program was built.
std::vector<KnownLayout> known_layouts() {
    std::vector<KnownLayout> layouts;
    std::set<std::string_view> seen;
    for (const auto& wire : wiring) {
        if (!seen.insert(name_of(wire.kind)).second) continue;
        const auto spec = shm::make_spec("", "", static_cast<shm::SegmentKind>(wire.transport), name_of(wire.kind),
                                         wire.slot_bytes, wire.slots, schema_of(wire.kind));
        layouts.push_back({std::string(name_of(wire.kind)), spec.layout_hash()});
    }
    return layouts;
}

/// One number for all of them.
uint64_t layout_hash_of(const std::vector<KnownLayout>& layouts) {
    uint64_t hash = shm::fnv1a("");
    for (const auto& layout : layouts) hash = shm::fnv1a(fmt::format("{} {:016x}\n", layout.kind, layout.hash), hash);
    return hash;
}

struct RunningVersion {
    bool there = false;                  ///< an instance has segments
    std::string supervisor;              ///< its version; "" when it does not answer
    std::vector<std::string> differing;  ///< channels of another layout
    bool other() const { return !differing.empty() || (!supervisor.empty() && supervisor != OF_VERSION); }
};

RunningVersion running_version(const Options& options, const std::vector<KnownLayout>& layouts) {
    RunningVersion running;
    for (const auto& channel : channels_in(options.source)) {
        const auto segment = shm::Segment::inspect(path_of(options.source, channel));
        if (!segment) continue;
        running.there = true;
        const auto kind = channel.substr(0, channel.find('.'));
        for (const auto& layout : layouts) {
            if (layout.kind == kind && layout.hash != segment->header().layout_hash)
                running.differing.push_back(channel);
        }
    }
    if (!running.there || options.source.copied()) return running;
    const auto answer = request(options, "ping");
    if (answer && answer->exit_code == 0) running.supervisor = answer->text.substr(answer->text.rfind(' ') + 1);
    return running;
}

void print_version(const Options& options, const std::vector<KnownLayout>& layouts, const RunningVersion& running) {
    put_line(fmt::format("ofctl {}, {}, layout {:016x}", OF_VERSION, OF_COMPILER, layout_hash_of(layouts)));
    if (options.layout) {
        for (const auto& layout : layouts) put_line(fmt::format("  {:<12} {:016x}", layout.kind, layout.hash));
    }
    if (!running.there) return put_line(fmt::format("instance {}: does not run", options.source.instance));
    put_line(fmt::format(
        "instance {}: {}, {}", options.source.instance,
        running.supervisor.empty() ? "no supervisor answers" : fmt::format("supervisor {}", running.supervisor),
        running.differing.empty() ? "of the same layouts"
                                  : fmt::format("of other layouts: {}", fmt::join(running.differing, ", "))));
}

void print_version_as_json(const Options& options, const std::vector<KnownLayout>& layouts,
                           const RunningVersion& running) {
    Json json;
    json.open_document("version").field("ofctl", OF_VERSION).field("compiler", OF_COMPILER);
    json.field("layout", std::string_view(fmt::format("{:016x}", layout_hash_of(layouts))));
    json.field("instance", std::string_view(options.source.instance)).field("runs", running.there);
    json.field("supervisor", std::string_view(running.supervisor)).field("same", !running.other());
    json.key("differing").open_array();
    for (const auto& channel : running.differing) json.value(std::string_view(channel));
    json.close_array().open_rows("layouts");
    for (const auto& layout : layouts) {
        json.open_row(layout.kind).field("kind", std::string_view(layout.kind));
        json.field("layout", std::string_view(fmt::format("{:016x}", layout.hash))).close_row();
    }
    put_json(options, json.close_array().close_object());
}

}  // namespace

int version(const Options& options) {
    const auto layouts = known_layouts();
    const auto running = running_version(options, layouts);
    if (options.json) {
        print_version_as_json(options, layouts, running);
    } else {
        print_version(options, layouts, running);
    }
    return code(running.other() ? ExitCode::mismatch : ExitCode::ok);
}

}  // namespace of::ofctl
