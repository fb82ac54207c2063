#include "tests/exchange/rest_query.hpp"

#include <algorithm>
#include <charconv>

namespace of::exchange {

namespace {

std::string decode(std::string_view text) {
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
        unsigned int code = 0;
        const char* const hex = text.data() + i + 1;
        if (text[i] == '%' && i + 2 < text.size() && std::from_chars(hex, hex + 2, code, 16).ptr == hex + 2) {
            out.push_back(static_cast<char>(code));
            i += 2;
        } else {
            out.push_back(text[i]);
        }
    }
    return out;
}

}  // namespace

std::optional<std::string_view> RestQuery::find(std::string_view name) const {
    for (const auto& [key, value] : parameters) {
        if (key == name) return value;
    }
    return {};
}

RestQuery parse_target(std::string_view target) {
    const size_t mark = target.find('?');
    RestQuery query{decode(target.substr(0, mark)), {}};
    std::string_view rest = mark == std::string_view::npos ? std::string_view{} : target.substr(mark + 1);
    while (!rest.empty()) {
        const std::string_view pair = rest.substr(0, rest.find('&'));
        rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
        if (pair.empty()) continue;
        const size_t equal = std::min(pair.find('='), pair.size());
        query.parameters.emplace_back(decode(pair.substr(0, equal)),
                                      decode(pair.substr(std::min(equal + 1, pair.size()))));
    }
    return query;
}

}  // namespace of::exchange
