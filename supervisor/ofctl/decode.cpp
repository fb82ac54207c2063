#include "supervisor/ofctl/decode.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "proto/calls.hpp"
#include "proto/control.hpp"
#include "proto/log_catalog.hpp"
#include "proto/trace.hpp"
#include "supervisor/ofctl/print.hpp"

namespace of::ofctl {
namespace {

template <typename T>
T load(const std::byte* from) {
    T value{};
    std::memcpy(&value, from, sizeof value);
    return value;
}

template <typename Enum>
std::string enum_text(const std::byte* from) {
    const auto value = load<uint32_t>(from);
    const auto name = name_of(static_cast<Enum>(value));
    return name == "unknown" ? std::to_string(value) : std::string(name);
}

std::string fixed_text(const std::byte* from, size_t size) {
    const auto* text = reinterpret_cast<const char*>(from);
    return {text, strnlen(text, size)};
}

std::string levels_text(const std::byte* from, size_t count) {
    std::string text;
    for (size_t i = 0; i < count; ++i) {
        const auto level = load<Level>(from + i * sizeof(Level));
        text += fmt::format("{}{}@{}", i == 0 ? "" : " ", format_e8(level.quantity), format_e8(level.price));
    }
    return text;
}

FieldText field_text(const Field& field, const std::byte* message) {
    const auto* at = message + field.offset;
    const auto& kind = field.kind;
    if (kind == "u8") return {field.name, std::to_string(load<uint8_t>(at)), true};
    if (kind == "u16") return {field.name, std::to_string(load<uint16_t>(at)), true};
    if (kind == "u32") return {field.name, std::to_string(load<uint32_t>(at)), true};
    if (kind == "u64" || kind == "mono") return {field.name, std::to_string(load<uint64_t>(at)), true};
    if (kind == "i64") return {field.name, std::to_string(load<int64_t>(at)), true};
    if (kind == "e8") return {field.name, format_e8(load<int64_t>(at)), false};
    if (kind == "corr") return {field.name, to_string(CorrelationId{load<uint64_t>(at)}), false};
    if (kind == "wall") return {field.name, wall_text(load<int64_t>(at)), false};
    if (kind == "text") return {field.name, fixed_text(at, field.elements), false};
    if (kind == "level")
        return {field.name, levels_text(at, std::min<size_t>(field.elements, load<Header>(message).count)), false};
    if (kind == "reset_reason") return {field.name, enum_text<ResetReason>(at), false};
    if (kind == "gap_kind") return {field.name, enum_text<GapKind>(at), false};
    if (kind == "stream_state") return {field.name, enum_text<StreamState>(at), false};
    if (kind == "worker_state") return {field.name, enum_text<WorkerState>(at), false};
    if (kind == "call_status") return {field.name, enum_text<CallStatus>(at), false};
    if (kind == "breaker_action") return {field.name, enum_text<BreakerAction>(at), false};
    if (kind == "book_state") return {field.name, enum_text<BookState>(at), false};
    if (kind == "hop") return {field.name, enum_text<Hop>(at), false};
    return {field.name, hex_text(at, 4), false};
}

}  // namespace

bool RingView::read(uint64_t position, std::vector<std::byte>& into) const {
    const auto* slot = segment_.slots() + (position & (slots() - 1)) * segment_.header().slot_bytes;
    const auto& word = *reinterpret_cast<const std::atomic<uint64_t>*>(slot);
    const auto wanted = is_queue() ? position + 1 : (position + 1) << 1;
    if (word.load(std::memory_order_acquire) != wanted) return false;
    into.resize(message_bytes());
    for (size_t at = 0; at < into.size(); at += sizeof(uint64_t)) {
        const auto value = reinterpret_cast<const std::atomic<uint64_t>*>(slot + sizeof(uint64_t) + at)
                               ->load(std::memory_order_relaxed);
        std::memcpy(into.data() + at, &value, sizeof value);
    }
    std::atomic_thread_fence(std::memory_order_acquire);  // pairs with the writer's release fence before it overwrites
    return word.load(std::memory_order_relaxed) == wanted;
}

std::string hex_text(const std::byte* bytes, size_t size) {
    std::string text;
    for (size_t i = 0; i < size; ++i) text += fmt::format("{:02x}", static_cast<unsigned>(bytes[i]));
    return text;
}

Decoded MessageDecoder::decode(const std::vector<std::byte>& message) const {
    const auto header = load<Header>(message.data());
    const auto schema = std::ranges::find(messages_, header.type, &MessageSchema::type);
    if (schema == messages_.end() || schema->bytes > message.size())
        return {fmt::format("type_{}", static_cast<unsigned>(header.type)),
                {{"hex", hex_text(message.data(), message.size()), false}}};
    Decoded decoded{schema->name, {{"origin", name_of(ProcessId::unpack(header.origin)), false}}};
    for (const auto& field : schema->fields) {
        const auto name = field.name == "symbol" && field.kind == "u16" && symbols_ != nullptr
                              ? symbols_->symbol(header.symbol)
                              : std::string_view();
        decoded.fields.push_back(name.empty() ? field_text(field, message.data())
                                              : FieldText{"symbol", std::string(name), false});
    }
    if (header.type == MessageType::log_record && message.size() >= sizeof(LogRecord)) {
        LogRecord record;
        std::memcpy(static_cast<void*>(&record), message.data(), sizeof record);
        decoded.fields.push_back({"message", render(record), false});
    }
    return decoded;
}

std::string Decoded::find(std::string_view field) const {
    const auto found = std::ranges::find(fields, field, &FieldText::name);
    return found == fields.end() ? "" : found->text;
}

std::string Decoded::line() const {
    std::string text = fmt::format("{:<14}", name);
    for (const auto& field : fields) {
        if (field.text.empty() || field.name == "flags" || field.name == "count" || field.name == "publish_ns")
            continue;
        text += fmt::format(" {}={}", field.name, field.text);
    }
    return text;
}

void Decoded::append_to(Json& json) const {
    json.field("type", std::string_view(name));
    for (const auto& field : fields) {
        json.key(field.name);
        if (field.number && field.text.starts_with('-')) {
            json.value(static_cast<int64_t>(std::stoll(field.text)));
        } else if (field.number) {
            json.value(static_cast<uint64_t>(std::stoull(field.text)));
        } else {
            json.value(std::string_view(field.text));
        }
    }
}

}  // namespace of::ofctl
