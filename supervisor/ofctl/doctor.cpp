#include "supervisor/ofctl/doctor.hpp"

namespace of::ofctl {

std::string_view name_of(Grade grade) {
    constexpr std::string_view names[] = {"OK", "WARN", "FAIL"};
    return names[static_cast<size_t>(grade)];
}

std::vector<Check> all_checks() {
    std::vector<Check> checks;
    for (const auto part : {kernel_checks(), memory_checks(), machine_checks(), instance_checks()})
        checks.insert(checks.end(), part.begin(), part.end());
    return checks;
}

}  // namespace of::ofctl
