#include "supervisor/autopsy/system_call_name.hpp"

namespace of::autopsy {

std::string system_call_name(int number) {
    const auto found = system_calls().find(number);
    return found == system_calls().end() ? std::to_string(number) : std::string(found->second);
}

}  // namespace of::autopsy
