// What went wrong, as one sentence for the person who called.
#pragma once

#include <string>
#include <tl/expected.hpp>

namespace of::exchange {

struct Error {
    std::string text;
};

template <class T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(std::string text) { return tl::unexpected(Error{std::move(text)}); }

}  // namespace of::exchange
