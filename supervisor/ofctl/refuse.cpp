#include "supervisor/ofctl/json.hpp"
#include "supervisor/ofctl/print.hpp"
#include "supervisor/ofctl/verbs.hpp"

namespace of::ofctl {
namespace {

int exit_code_of(const Error& error) {
    switch (error.kind) {
        case ErrorKind::missing:
            return code(ExitCode::not_found);
        case ErrorKind::denied:
            return code(ExitCode::denied);
        case ErrorKind::mismatch:
            return code(ExitCode::mismatch);
        case ErrorKind::corrupt:
            return code(ExitCode::corrupt);
        case ErrorKind::invalid:
            return code(ExitCode::usage);
        case ErrorKind::failed:
        case ErrorKind::no_space:
        case ErrorKind::busy:
            return code(ExitCode::failed);
    }
    return code(ExitCode::failed);
}

}  // namespace

int refuse(const Options& options, const Error& error) {
    const int exit_code = exit_code_of(error);
    if (options.tells_json()) {
        Json json;
        put_line(json.open_document("result")
                     .field("error", std::string_view(error.message))
                     .field("exit_code", exit_code)
                     .close_object()
                     .text());
    } else {
        complain(error.message);
    }
    return exit_code;
}

}  // namespace of::ofctl
