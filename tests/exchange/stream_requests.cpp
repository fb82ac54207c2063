#include "tests/exchange/stream_requests.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <optional>
#include <tl/expected.hpp>

namespace of::exchange {

namespace dom = simdjson::dom;

namespace {

constexpr size_t id_chars_max = 36;

/// A refusal, with the code and the text of the documentation.
struct Refusal {
    int code = 2;
    std::string text;
};
using Answer = tl::expected<std::string, Refusal>;

tl::unexpected<Refusal> refuse(int code, std::string text) { return tl::unexpected(Refusal{code, std::move(text)}); }

bool valid_id_text(std::string_view id) {
    return id.size() <= id_chars_max && std::all_of(id.begin(), id.end(), [](unsigned char c) {
               return std::isalnum(c) != 0 || c == '-' || c == '_';
           });
}

/// The id as it is echoed; nothing when there is none.
tl::expected<std::optional<std::string>, Refusal> id_of(dom::object request) {
    dom::element id;
    if (request["id"].get(id) != simdjson::SUCCESS) return std::nullopt;
    if (id.is_null()) return std::string("null");
    if (id.is_int64()) return fmt::format("{}", int64_t(id));
    if (id.is_string() && valid_id_text(std::string_view(id))) return fmt::format("\"{}\"", std::string_view(id));
    return refuse(2, "Invalid request: request ID must be an unsigned integer");
}

tl::expected<std::vector<std::string>, Refusal> names_of(dom::object request) {
    dom::array params;
    if (request["params"].get(params) != simdjson::SUCCESS) {
        return refuse(2, "Invalid request: missing field `params` at line 1 column 1");
    }
    std::vector<std::string> names;
    for (const dom::element each : params) {
        std::string_view name;
        if (each.get(name) != simdjson::SUCCESS || !valid_stream_name(name)) {
            return refuse(2, "Invalid request: params must be an array of stream names");
        }
        names.emplace_back(name);
    }
    return names;
}

Answer subscribe(dom::object request, Subscriptions& subscriptions) {
    const auto names = names_of(request);
    if (!names) return tl::unexpected(names.error());
    Subscriptions wanted = subscriptions;
    for (const auto& name : *names) wanted.add(name);
    if (wanted.streams.size() > streams_max) return refuse(2, "Invalid request: too many parameters");
    subscriptions = std::move(wanted);
    return "null";
}

Answer unsubscribe(dom::object request, Subscriptions& subscriptions) {
    const auto names = names_of(request);
    if (!names) return tl::unexpected(names.error());
    for (const auto& name : *names) subscriptions.remove(name);
    return "null";
}

std::string list(const Subscriptions& subscriptions) {
    std::string out = "[";
    for (const auto& name : subscriptions.streams) out += fmt::format("{}\"{}\"", out.size() > 1 ? "," : "", name);
    return out + "]";
}

/// Checks `params` of a property request down to the property's name; `size` is how many there must be.
tl::expected<dom::array, Refusal> property_params(dom::object request, size_t size) {
    dom::array params;
    std::string_view name;
    if (request["params"].get(params) != simdjson::SUCCESS || params.size() == 0) {
        return refuse(2, "Invalid request: missing field `params` at line 1 column 1");
    }
    if (params.at(0).get(name) != simdjson::SUCCESS) {
        return refuse(2, "Invalid request: property name must be a string");
    }
    if (params.size() > size) return refuse(2, "Invalid request: too many parameters");
    if (name != "combined") return refuse(0, "Unknown property");
    return params;
}

Answer set_property(dom::object request, Subscriptions& subscriptions) {
    const auto params = property_params(request, 2);
    if (!params) return tl::unexpected(params.error());
    bool value = false;
    if (params->at(1).get(value) != simdjson::SUCCESS) return refuse(1, "Invalid value type: expected Boolean");
    subscriptions.combined = value;
    return "null";
}

Answer get_property(dom::object request, const Subscriptions& subscriptions) {
    const auto params = property_params(request, 1);
    if (!params) return tl::unexpected(params.error());
    return subscriptions.combined ? "true" : "false";
}

Answer dispatch(dom::object request, Subscriptions& subscriptions) {
    std::string_view method;
    if (request["method"].get(method) != simdjson::SUCCESS) {
        return refuse(2, "Invalid request: missing field `method` at line 1 column 1");
    }
    if (method == "SUBSCRIBE") return subscribe(request, subscriptions);
    if (method == "UNSUBSCRIBE") return unsubscribe(request, subscriptions);
    if (method == "LIST_SUBSCRIPTIONS") return list(subscriptions);
    if (method == "SET_PROPERTY") return set_property(request, subscriptions);
    if (method == "GET_PROPERTY") return get_property(request, subscriptions);
    std::string shown(method.substr(0, id_chars_max));
    std::replace_if(shown.begin(), shown.end(), [](unsigned char c) { return c < 32 || c == '"' || c == '\\'; }, '?');
    return refuse(2, fmt::format("Invalid request: unknown variant `{}`, expected one of `SUBSCRIBE`, `UNSUBSCRIBE`, "
                                 "`LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY`",
                                 shown));
}

std::string print_refusal(const Refusal& refusal, const std::optional<std::string>& id) {
    return fmt::format(R"({{"code":{},"msg":"{}"{}}})", refusal.code, refusal.text,
                       id ? fmt::format(R"(,"id":{})", *id) : "");
}

}  // namespace

bool valid_stream_name(std::string_view name) {
    return !name.empty() && name.size() <= 128 && std::all_of(name.begin(), name.end(), [](unsigned char c) {
        return c > 32 && c != '"' && c != '\\' && c != 127;
    });
}

bool Subscriptions::contains(std::string_view stream) const {
    return std::find(streams.begin(), streams.end(), stream) != streams.end();
}

void Subscriptions::add(std::string_view stream) {
    if (!contains(stream)) streams.emplace_back(stream);
}

void Subscriptions::remove(std::string_view stream) {
    streams.erase(std::remove(streams.begin(), streams.end(), stream), streams.end());
}

std::string answer_request(std::string_view text, Subscriptions& subscriptions) {
    dom::parser parser;
    dom::element root;
    dom::object request;
    if (parser.parse(text.data(), text.size()).get(root) != simdjson::SUCCESS) {
        return print_refusal({3, "Invalid JSON: expected value at line 1 column 1"}, {});
    }
    if (root.get(request) != simdjson::SUCCESS) {
        return print_refusal({2, "Invalid request: expected an object at line 1 column 1"}, {});
    }
    const auto id = id_of(request);
    if (!id) return print_refusal(id.error(), {});
    const Answer answer = dispatch(request, subscriptions);
    if (!answer) return print_refusal(answer.error(), *id);
    return fmt::format(R"({{"result":{},"id":{}}})", *answer, id->value_or("null"));
}

}  // namespace of::exchange
