// Operating errors: what went wrong, as one sentence for the user, and of which class it is.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>

namespace of {

enum class ErrorKind : uint8_t {
    failed,    ///< the operating system refused; the message holds its reason
    missing,   ///< no such segment, file or process
    denied,    ///< owner, mode or permission
    mismatch,  ///< another version or layout
    corrupt,   ///< damaged content
    no_space,  ///< memory, disk or table full
    busy,      ///< in use by another living process
    invalid,   ///< bad input
};

struct Error {
    ErrorKind kind = ErrorKind::failed;
    std::string message;
};

template <typename T>
using Expected = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(ErrorKind kind, std::string message) {
    return tl::make_unexpected(Error{kind, std::move(message)});
}

}  // namespace of
