// The word in the control page by which the supervisor hears of this process's death before it is a zombie.
#pragma once

#include <atomic>
#include <cstdint>

namespace of {

/// Makes `word` this thread's robust futex: the kernel marks it when the thread dies, before it takes the memory down.
/// Replaces the thread's robust list, so the thread may use no robust mutex. Called once, by the main thread.
void bind_life(std::atomic<uint32_t>& word);

/// Says that this process has come to its gate, and blocks until the supervisor lets it through: one byte into the
/// socket `gate`, 8 bytes out of it. False when the supervisor wants it no more, or has ended.
bool pass_gate(int gate);

}  // namespace of
