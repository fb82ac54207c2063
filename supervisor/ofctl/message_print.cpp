#include "supervisor/ofctl/message_print.hpp"

#include <fmt/format.h>

#include "supervisor/ofctl/print.hpp"

namespace of::ofctl {

std::string symbols_channel(const std::string& ring) {
    return "book." + (ring.starts_with("market.") ? ring.substr(ring.rfind('.') + 1) : "0");
}

bool MessagePrinter::matches(const Decoded& decoded) const {
    return (options_.symbol.empty() || decoded.find("symbol") == options_.symbol) &&
           (options_.type.empty() || decoded.name == options_.type);
}

bool MessagePrinter::wants(const std::vector<std::byte>& message) const {
    return (options_.symbol.empty() && options_.type.empty()) || matches(decoder_.decode(message));
}

void MessagePrinter::print(uint64_t position, const std::vector<std::byte>& message) const {
    const auto decoded = decoder_.decode(message);
    if (!matches(decoded)) return;
    if (options_.json) {
        Json json;
        json.open_object().field("segment", std::string_view(channel_)).field("position", position);
        decoded.append_to(json);
        if (options_.hex) json.field("hex", std::string_view(hex_text(message.data(), message.size())));
        put_line(json.close_object().text());
    } else {
        put_line(fmt::format("{:>10}  {}", position, decoded.line()));
        if (options_.hex) put_line("            " + hex_text(message.data(), message.size()));
    }
}

}  // namespace of::ofctl
