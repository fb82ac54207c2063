// toml++, as headers. Its assertions are off, as they are in its shared library: no file may abort a program.
#pragma once

#define TOML_HEADER_ONLY 1
#define TOML_ASSERT(condition) static_cast<void>(0)
#include <toml++/toml.h>
