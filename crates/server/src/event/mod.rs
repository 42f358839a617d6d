//! One typed event per thing that happens: it emits its log line and its metric together.
