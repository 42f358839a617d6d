//! Wiring: opens the store, loads packs, binds the listeners, and drains them at the end.
