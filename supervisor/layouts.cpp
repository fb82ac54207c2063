#include "supervisor/layouts.hpp"

#include <fmt/format.h>

#include <set>
#include <sstream>

#include "proto/log_catalog.hpp"
#include "proto/schema.hpp"
#include "shm/segment.hpp"

namespace of::supervisor {
namespace {

/// A log record holds the number of its sentence: a logger of another catalogue would say something else.
uint64_t sentences_hash() {
    uint64_t hash = shm::fnv1a("");
    for (uint16_t id = 0; id < static_cast<uint16_t>(LogId::count); ++id)
        hash = shm::fnv1a(sentence(id).types, shm::fnv1a(sentence(id).text, hash));
    return hash;
}

}  // namespace

std::string layouts_text() {
    auto text = fmt::format("header {}\n", shm::layout_version);
    std::set<std::string> seen;
    for (const auto& wire : wiring) {
        const auto spec = shm::make_spec("", "", static_cast<shm::SegmentKind>(wire.transport), name_of(wire.kind),
                                         wire.slot_bytes, wire.slots, schema_of(wire.kind));
        const auto line = fmt::format("{} {:016x}\n", name_of(wire.kind), spec.layout_hash());
        if (seen.insert(line).second) text += line;
    }
    return text + fmt::format("sentences {:016x}\n", sentences_hash());
}

std::string first_difference(const std::string& here, const std::string& there) {
    std::istringstream ours(here), theirs(there);
    std::string our_line, their_line;
    while (std::getline(ours, our_line)) {
        if (std::getline(theirs, their_line) && our_line == their_line) continue;
        return fmt::format("\"{}\" here, \"{}\" there", our_line, their_line);
    }
    return "it knows more of them";
}

}  // namespace of::supervisor
