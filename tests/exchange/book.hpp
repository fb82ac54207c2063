// The stand-in's own order book of one symbol: what its REST snapshot is printed from. Pure, one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "proto/decimal.hpp"

namespace of::exchange {

struct Book {
    std::map<e8_t, e8_t, std::greater<>> bids;  // price to quantity, best first
    std::map<e8_t, e8_t> asks;
    int64_t last_update_id = 0;

    /// Quantities are absolute; zero erases, and erasing an unknown level is normal.
    template <class Side>
    static void set(Side& side, e8_t price, e8_t quantity) {
        if (quantity == 0) {
            side.erase(price);
        } else {
            side[price] = quantity;
        }
    }
};

/// The body of `GET /api/v3/depth`: at most `limit` levels a side, eight fraction digits.
std::string print_depth(const Book& book, size_t limit);

}  // namespace of::exchange
