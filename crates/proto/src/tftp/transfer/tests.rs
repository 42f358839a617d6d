//! Behaviour of a transfer, step by step. The lossy channel is in `channel`.
