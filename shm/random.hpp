// A word from the kernel's source of chance, for seeds and generations.
//
// std::random_device asks the processor what it can do each time one is made, which costs half a millisecond where a
// hypervisor answers.
#pragma once

#include <sys/random.h>

#include <cstdint>

namespace of::shm {

inline uint64_t random_word() {
    uint64_t word = 0;
    // So few bytes come whole; they are missing only where the call is forbidden, and zero is a seed as well.
    [[maybe_unused]] const auto taken = getrandom(&word, sizeof word, 0);
    return word;
}

}  // namespace of::shm
