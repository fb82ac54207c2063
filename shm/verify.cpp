#include "shm/verify.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "shm/book_page.hpp"
#include "shm/metrics_page.hpp"

namespace of::shm {
namespace {

/// A commit takes far less than one look, so whatever stays wrong in so many is wrong.
constexpr int looks_max = 4;

std::string_view page_of(const SegmentHeader& header) {
    const auto channel = text_of(header.channel);
    return channel.substr(0, channel.find('.'));
}

void verify_fields(const Segment& segment, Findings& findings) {
    const auto& header = segment.header();
    verify_text(findings, offsetof(SegmentHeader, boot_id), {header.boot_id, sizeof header.boot_id}, "boot_id");
    verify_text(findings, offsetof(SegmentHeader, instance), {header.instance, sizeof header.instance}, "instance");
    verify_text(findings, offsetof(SegmentHeader, channel), {header.channel, sizeof header.channel}, "channel");
    if (header.generation == 0) findings.add(offsetof(SegmentHeader, generation), "generation", 0, "not 0");
    if (header.created_ns <= 0)
        findings.add(offsetof(SegmentHeader, created_ns), "created_ns", std::to_string(header.created_ns), "a time");
    if (header.creator_pid == 0 || header.creator_pid > INT32_MAX)
        findings.add(offsetof(SegmentHeader, creator_pid), "creator_pid", header.creator_pid, "a process");
    const auto reserved = offsetof(SegmentHeader, reserved);
    verify_zero(findings, segment, reserved, sizeof header.reserved, "reserved bytes of the header");
    const auto behind = offsetof(SegmentHeader, state) + sizeof header.state;
    verify_zero(findings, segment, behind, header_bytes - behind, "reserved bytes of the header");
    const auto schema_end = header_bytes + header.schema_bytes;
    verify_zero(findings, segment, schema_end, body_offset - schema_end, "bytes behind the schema");
    if (header.kind == SegmentKind::page) {
        if (header.slots != 0) findings.add(offsetof(SegmentHeader, slots), "slots of a page", header.slots, "0");
        if (header.slot_bytes != 0)
            findings.add(offsetof(SegmentHeader, slot_bytes), "slot_bytes of a page", header.slot_bytes, "0");
        return;
    }
    const auto hash = make_spec("", "", header.kind, "", 0, 0, std::string(segment.schema())).layout_hash();
    if (header.layout_hash != hash)
        findings.add(offsetof(SegmentHeader, layout_hash), "layout_hash", fmt::format("{:016x}", header.layout_hash),
                     fmt::format("{:016x}, that of its own schema text", hash));
}

/// What is wrong with a field says more than that the sum of all is.
void verify_header(const Segment& segment, Findings& findings) {
    verify_fields(segment, findings);
    const auto& header = segment.header();
    const auto sum = checksum_of(header);
    if (findings.empty() && header.checksum != sum)
        findings.add(offsetof(SegmentHeader, checksum), "checksum of the header",
                     fmt::format("{:016x}", header.checksum), fmt::format("{:016x}, that of its fields", sum));
}

Findings look(const Segment& segment, Taken taken, Depth depth) {
    Findings findings;
    verify_header(segment, findings);
    if (segment.header().kind != SegmentKind::page) {
        verify_ring(segment, taken, depth, findings);
    } else if (knows_layout(segment)) {
        verify_page(segment, findings);
    }
    return findings;
}

}  // namespace

void Findings::add(uint64_t offset, std::string_view what, std::string found, std::string expected) {
    ++total_;
    if (kept_.size() < kept_max) kept_.push_back({offset, std::string(what), std::move(found), std::move(expected)});
}
void Findings::add(uint64_t offset, std::string_view what, uint64_t found, std::string expected) {
    add(offset, what, std::to_string(found), std::move(expected));
}

void Findings::keep_common(const Findings& other) {
    const bool all_kept = total_ == kept_.size();
    std::erase_if(kept_, [&](const Finding& mine) {
        return std::ranges::none_of(other.kept_, [&](const Finding& theirs) {
            return theirs.offset == mine.offset && theirs.what == mine.what;
        });
    });
    total_ = all_kept || kept_.empty() ? kept_.size() : std::min(total_, other.total_);
}

Findings verify(const Segment& segment, Taken taken, Depth depth) {
    auto findings = look(segment, taken, depth);
    for (int again = 1; again < looks_max && !findings.empty(); ++again)
        findings.keep_common(look(segment, taken, depth));
    return findings;
}

bool knows_layout(const Segment& segment) {
    return segment.header().kind != SegmentKind::page || is_page(segment, page_of(segment.header()));
}

bool is_page(const Segment& segment, std::string_view page) {
    const auto& header = segment.header();
    const auto expected = page_spec(page);
    return expected && header.kind == SegmentKind::page && header.layout_hash == expected->layout_hash() &&
           header.total_bytes == expected->total_bytes();
}

void verify_text(Findings& findings, uint64_t offset, std::string_view field, std::string_view what) {
    const auto size = std::min(field.find('\0'), field.size());
    if (size == field.size()) return findings.add(offset, what, "text without an end", "a zero byte behind the text");
    const auto stray = field.find_first_not_of('\0', size);
    if (stray == std::string_view::npos) return;
    findings.add(offset + stray, fmt::format("byte behind the text of {}", what),
                 uint64_t{static_cast<unsigned char>(field[stray])}, "0");
}

void verify_zero(Findings& findings, const Segment& segment, uint64_t offset, uint64_t size, std::string_view what) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(&segment.header()) + offset;
    const auto* stray = std::find_if(bytes, bytes + size, [](unsigned char byte) { return byte != 0; });
    if (stray != bytes + size) findings.add(offset + static_cast<uint64_t>(stray - bytes), what, *stray, "0");
}

}  // namespace of::shm
