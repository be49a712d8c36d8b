//! Numbers that push, merge and retract: the accumulators behind every figure Verdict prints.
