#include "tests/chaos/order.hpp"

#include <algorithm>
#include <sstream>

#include "tests/chaos/syscall_table.hpp"

namespace of::chaos {
namespace {

bool parse_calls(const std::string& text, std::vector<long>& calls) {
    if (text == "any") return true;
    std::istringstream words(text);
    for (std::string name; std::getline(words, name, ',');) calls.push_back(number_of_call(name));
    return std::ranges::find(calls, -1) == calls.end();
}

bool parse_deed(const std::string& text, Order& order) {
    constexpr std::pair<std::string_view, Deed> deeds[] = {
        {"kill", Deed::kill_before}, {"killafter", Deed::kill_after}, {"short", Deed::shorten}, {"tear", Deed::tear}};
    for (const auto& [name, deed] : deeds) {
        if (name == text) order.deed = deed;
        if (name == text) return true;
    }
    order.deed = Deed::error;
    order.error = number_of_error(text);
    return order.error != 0;
}

}  // namespace

bool Order::concerns(long call) const { return calls.empty() || std::ranges::find(calls, call) != calls.end(); }

std::optional<Order> parse_order(const std::string& line) {
    Order order;
    std::string when, calls, deed;
    std::istringstream words(line);
    if (!(words >> order.id >> order.program >> when >> calls >> order.pass >> deed)) return {};
    order.at_start = when == "start";
    if ((!order.at_start && when != "now") || !parse_calls(calls, order.calls) || !parse_deed(deed, order)) return {};
    return order;
}

}  // namespace of::chaos
