#include "supervisor/autopsy/system_call_name.hpp"

#include <algorithm>
#include <string_view>

namespace of::autopsy {
namespace {

struct SystemCall {
    int number;
    std::string_view name;
};
constexpr SystemCall system_calls[] = {
#include "system_calls.inc"
};

}  // namespace

std::string system_call_name(int number) {
    const auto* found = std::ranges::find(system_calls, number, &SystemCall::number);
    return found == std::end(system_calls) ? std::to_string(number) : std::string(found->name);
}

}  // namespace of::autopsy
