// Where a worker waits, executed, until its predecessor is over.
#pragma once

namespace of {

/// Says that this process has come to its gate, and blocks until the supervisor lets it through: one byte into the
/// socket `gate`, 8 bytes out of it. False when the supervisor wants it no more, or has ended.
bool pass_gate(int gate);

}  // namespace of
