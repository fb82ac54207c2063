#include "tests/exchange/book.hpp"

#include <fmt/format.h>

#include <iterator>

namespace of::exchange {

namespace {

template <class Side>
void append_side(std::string& out, const Side& side, size_t limit) {
    size_t printed = 0;
    for (const auto& [price, quantity] : side) {
        if (printed == limit) break;
        fmt::format_to(std::back_inserter(out), "{}[\"{}\",\"{}\"]", printed == 0 ? "" : ",", format_e8(price),
                       format_e8(quantity));
        ++printed;
    }
}

}  // namespace

std::string print_depth(const Book& book, size_t limit) {
    std::string out = fmt::format("{{\"lastUpdateId\":{},\"bids\":[", book.last_update_id);
    append_side(out, book.bids, limit);
    out += "],\"asks\":[";
    append_side(out, book.asks, limit);
    out += "]}";
    return out;
}

}  // namespace of::exchange
