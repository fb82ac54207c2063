// The two written forms of a fault, and a sentence for each way to write it wrong.
#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "tests/exchange/fault.hpp"

namespace of::exchange {

namespace {

constexpr std::array<std::string_view, 10> names{"drop",        "duplicate",    "reorder",         "malformed",
                                                 "stall",       "cut",          "server_shutdown", "slow_read",
                                                 "rest_status", "late_snapshot"};
constexpr int64_t ms_max = 86'400'000;

Result<FaultKind> parse_kind(std::string_view name) {
    const auto at = std::find(names.begin(), names.end(), name);
    if (at == names.end()) {
        return fail(fmt::format("'{}' is no kind of fault; the kinds are {}", name, fmt::join(names, ", ")));
    }
    return static_cast<FaultKind>(at - names.begin());
}

Result<int64_t> parse_number(std::string_view key, std::string_view value, int64_t least, int64_t most) {
    int64_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc{} || end != value.data() + value.size() || number < least || number > most) {
        return fail(fmt::format("{}={}: {} is a whole number from {} to {}", key, value, key, least, most));
    }
    return number;
}

Result<void> set_text(FaultSpec& spec, std::string_view key, std::string_view value) {
    if (value.empty()) return fail(fmt::format("{} is empty; write a name, or * for all", key));
    (key == "stream" ? spec.stream : spec.path) = value;
    return {};
}

/// Sets one key from its text; the JSON form comes here as well, with its numbers printed.
Result<void> set_key(FaultSpec& spec, std::string_view key, std::string_view value) {
    if (key == "stream" || key == "path") return set_text(spec, key, value);
    const bool is_status = key == "status";
    const auto number = parse_number(key, value, is_status ? 400 : 0, is_status ? 599 : ms_max);
    if (key == "count" && number) {
        spec.count = static_cast<uint64_t>(*number);
    } else if (key == "after" && number) {
        spec.after = static_cast<uint64_t>(*number);
    } else if (key == "every_ms" && number) {
        spec.every_ms = *number;
    } else if (key == "ms" && number) {
        spec.ms = *number;
    } else if (is_status && number) {
        spec.status = static_cast<unsigned>(*number);
    } else if (key == "retry_after" && number) {
        spec.retry_after = *number;
    } else if (const std::array known{"count", "after", "every_ms", "ms", "status", "retry_after"};
               std::find(known.begin(), known.end(), key) == known.end()) {
        return fail(
            fmt::format("'{}' is no key of a fault; the keys are stream, path, {}", key, fmt::join(known, ", ")));
    } else {
        return tl::unexpected(number.error());
    }
    return {};
}

Result<FaultSpec> checked(FaultSpec spec, bool count_given) {
    const bool rest = spec.kind == FaultKind::rest_status || spec.kind == FaultKind::late_snapshot;
    if (rest && spec.stream != "*") {
        return fail(fmt::format("{} strikes REST requests: it takes path=, not stream=", fault_name(spec.kind)));
    }
    if (!rest && spec.path != "*") {
        return fail(fmt::format("{} strikes streams: it takes stream=, not path=", fault_name(spec.kind)));
    }
    if (!count_given && spec.every_ms > 0) spec.count = 0;
    return spec;
}

Result<std::string> json_value(std::string_view key, simdjson::dom::element value) {
    if (value.is_string()) return std::string(std::string_view(value));
    if (value.is_int64()) return fmt::format("{}", int64_t(value));
    return fail(fmt::format("{} is neither text nor a whole number", key));
}

Result<FaultSpec> from_object(simdjson::dom::object object) {
    std::string_view kind_name;
    if (object["kind"].get(kind_name) != simdjson::SUCCESS) return fail("a fault needs a \"kind\"");
    const auto kind = parse_kind(kind_name);
    if (!kind) return tl::unexpected(kind.error());
    FaultSpec spec;
    spec.kind = *kind;
    bool count_given = false;
    for (const auto& [key, value] : object) {
        if (key == "kind") continue;
        count_given = count_given || key == "count";
        const auto text = json_value(key, value);
        if (!text) return tl::unexpected(text.error());
        if (auto set = set_key(spec, key, *text); !set) return tl::unexpected(set.error());
    }
    return checked(std::move(spec), count_given);
}

}  // namespace

std::string_view fault_name(FaultKind kind) { return names[static_cast<size_t>(kind)]; }

Result<FaultSpec> parse_fault(std::string_view text) {
    const auto part = [&text] {
        const std::string_view head = text.substr(0, text.find(':'));
        text.remove_prefix(std::min(text.size(), head.size() + 1));
        return head;
    };
    const auto kind = parse_kind(part());
    if (!kind) return tl::unexpected(kind.error());
    FaultSpec spec;
    spec.kind = *kind;
    bool count_given = false;
    while (!text.empty()) {
        const std::string_view pair = part();
        const size_t equal = pair.find('=');
        if (equal == std::string_view::npos) return fail(fmt::format("'{}' is not key=value", pair));
        count_given = count_given || pair.substr(0, equal) == "count";
        if (auto set = set_key(spec, pair.substr(0, equal), pair.substr(equal + 1)); !set) {
            return tl::unexpected(set.error());
        }
    }
    return checked(std::move(spec), count_given);
}

Result<FaultSpec> parse_fault_json(std::string_view json) {
    simdjson::dom::parser parser;
    simdjson::dom::object object;
    if (parser.parse(json.data(), json.size()).get(object) != simdjson::SUCCESS) {
        return fail("a fault is one JSON object, as {\"kind\":\"drop\",\"stream\":\"btcusdt@trade\",\"count\":3}");
    }
    return from_object(object);
}

std::string print_fault_json(const FaultSpec& spec, uint64_t matched, uint64_t struck) {
    const bool rest = spec.kind == FaultKind::rest_status || spec.kind == FaultKind::late_snapshot;
    std::string out =
        fmt::format(R"({{"kind":"{}","{}":"{}","count":{},"after":{},"every_ms":{})", fault_name(spec.kind),
                    rest ? "path" : "stream", rest ? spec.path : spec.stream, spec.count, spec.after, spec.every_ms);
    if (spec.ms >= 0) out += fmt::format(R"(,"ms":{})", spec.ms);
    if (spec.kind == FaultKind::rest_status) out += fmt::format(R"(,"status":{})", spec.status);
    if (spec.retry_after >= 0) out += fmt::format(R"(,"retry_after":{})", spec.retry_after);
    const bool spent = spec.count != 0 && struck >= spec.count;
    return out + fmt::format(R"(,"matched":{},"struck":{},"spent":{}}})", matched, struck, spent);
}

}  // namespace of::exchange
