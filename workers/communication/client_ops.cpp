#include "workers/communication/client_ops.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>

#include "workers/communication/json.hpp"

namespace of::communication {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;
using Problem = std::string;  ///< empty when all is well

constexpr size_t id_bytes_max = 64;

/// The text, shortened so that an answer stays short whatever was sent.
std::string quoted(std::string_view text) {
    std::string out;
    append_json_text(out, text.substr(0, 32));
    return text.size() > 32 ? out + "..." : out;
}

Problem read_streams(const object& fields, ClientOp& op) {
    element streams;
    if (fields["streams"].get(streams) != simdjson::SUCCESS)
        return R"("streams" is missing: a list of "trades", "quotes")";
    simdjson::dom::array list;
    if (streams.get(list) != simdjson::SUCCESS) return R"("streams" must be a list of "trades", "quotes")";
    for (const auto entry : list) {
        std::string_view name;
        if (entry.get(name) != simdjson::SUCCESS) return R"("streams" must hold texts only)";
        if (name == "trades") {
            op.trades = true;
        } else if (name == "quotes") {
            op.quotes = true;
        } else {
            return fmt::format(R"(unknown stream {}: there are "trades" and "quotes")", quoted(name));
        }
    }
    return op.trades || op.quotes ? "" : R"("streams" is empty: name "trades", "quotes" or both)";
}

Problem read_symbols(const object& fields, ClientOp& op) {
    element symbols;
    if (fields["symbols"].get(symbols) != simdjson::SUCCESS) {
        op.all_symbols = true;
        return "";
    }
    simdjson::dom::array list;
    if (symbols.get(list) != simdjson::SUCCESS) return R"("symbols" must be a list of texts)";
    for (const auto entry : list) {
        std::string_view name;
        if (entry.get(name) != simdjson::SUCCESS) return R"("symbols" must hold texts only)";
        if (name.empty() || name.size() > symbol_bytes_max)
            return fmt::format("symbol {} must have 1 to {} bytes", quoted(name), symbol_bytes_max);
        if (op.symbols.size() == symbols_of_op_max) return fmt::format("more than {} symbols", symbols_of_op_max);
        if (std::ranges::find(op.symbols, name) == op.symbols.end()) op.symbols.emplace_back(name);
    }
    return op.symbols.empty() ? R"("symbols" is empty: leave it out for all)" : "";
}

Problem read_backlog(const object& fields, uint32_t backlog_max, ClientOp& op) {
    element backlog;
    if (fields["backlog"].get(backlog) != simdjson::SUCCESS) return "";
    uint64_t rows = 0;
    if (backlog.get(rows) != simdjson::SUCCESS || rows > backlog_max)
        return fmt::format(R"("backlog" must be a number from 0 to {})", backlog_max);
    if (rows != 0 && !op.trades) return R"("backlog" needs the stream "trades")";
    op.backlog = static_cast<uint32_t>(rows);
    return "";
}

Problem read_id(const object& fields, ClientOp& op) {
    element id;
    if (fields["id"].get(id) != simdjson::SUCCESS) return "";
    if (!id.is_string() && !id.is_number()) return R"("id" must be a number or a text)";
    op.id_json = simdjson::minify(id);
    return op.id_json.size() <= id_bytes_max ? "" : fmt::format(R"("id" must have at most {} bytes)", id_bytes_max);
}

Problem read_op(const object& fields, uint32_t backlog_max, ClientOp& op) {
    std::string_view name;
    if (fields["op"].get(name) != simdjson::SUCCESS) return R"("op" is missing: "subscribe", "unsubscribe" or "ping")";
    if (name == "ping") return read_id(fields, op);
    if (name != "subscribe" && name != "unsubscribe")
        return fmt::format(R"(unknown op {}: there are "subscribe", "unsubscribe" and "ping")", quoted(name));
    op.kind = name == "subscribe" ? ClientOp::Kind::subscribe : ClientOp::Kind::unsubscribe;
    if (auto problem = read_streams(fields, op); !problem.empty()) return problem;
    if (auto problem = read_symbols(fields, op); !problem.empty()) return problem;
    return op.kind == ClientOp::Kind::subscribe ? read_backlog(fields, backlog_max, op) : "";
}

}  // namespace

tl::expected<ClientOp, std::string> parse_op(std::string_view text, uint32_t backlog_max) {
    static thread_local simdjson::dom::parser parser;
    element document;
    if (const auto error = parser.parse(text.data(), text.size()).get(document); error != simdjson::SUCCESS)
        return tl::make_unexpected(fmt::format("not JSON: {}", simdjson::error_message(error)));
    object fields;
    if (document.get(fields) != simdjson::SUCCESS)
        return tl::make_unexpected(std::string(R"(not an object like {"op":"ping"})"));
    ClientOp op;
    if (auto problem = read_op(fields, backlog_max, op); !problem.empty())
        return tl::make_unexpected(std::move(problem));
    return op;
}

}  // namespace of::communication
