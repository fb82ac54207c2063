// Slots of any ring, read without taking part, and decoded by what the ring's own schema says.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "proto/schema.hpp"
#include "shm/book_page.hpp"
#include "shm/commit_word.hpp"
#include "supervisor/ofctl/json.hpp"

namespace of::ofctl {

/// A ring whose slot size is known only now. Copies a slot and says whether the copy is whole.
class RingView {
  public:
    explicit RingView(shm::Segment segment) : segment_(std::move(segment)) {}

    uint64_t tail() const { return shm::ring_tail(segment_); }
    uint64_t slots() const { return segment_.header().slots; }
    uint32_t message_bytes() const { return segment_.header().slot_bytes - 8; }
    bool is_queue() const { return segment_.header().kind == shm::SegmentKind::queue; }
    const shm::RingLines& lines() const { return segment_.lines(); }
    const shm::Segment& segment() const { return segment_; }
    /// The first position that can still be there.
    uint64_t oldest() const { return tail() > slots() ? tail() - slots() : 0; }
    /// False when the position is not there: overwritten, not yet written, or being written.
    bool read(uint64_t position, std::vector<std::byte>& into) const;

  private:
    shm::Segment segment_;
};

struct FieldText {
    std::string name;
    std::string text;
    bool number;  ///< to stand without quotes in JSON
};

/// A message's name and its fields, header first. Unknown types come as one field of hex.
struct Decoded {
    std::string name;
    std::vector<FieldText> fields;

    std::string find(std::string_view field) const;
    std::string line() const;
    void append_to(Json& json) const;
};

class MessageDecoder {
  public:
    /// `symbols` gives the names of header.symbol; may be null.
    MessageDecoder(std::string_view schema, const shm::BookPage* symbols)
        : messages_(parse_schema(schema)), symbols_(symbols) {}
    Decoded decode(const std::vector<std::byte>& message) const;

  private:
    std::vector<MessageSchema> messages_;
    const shm::BookPage* symbols_;
};

std::string hex_text(const std::byte* bytes, size_t size);

}  // namespace of::ofctl
