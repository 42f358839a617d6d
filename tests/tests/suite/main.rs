//! The black-box suite: one test binary, one module per subject. Tests start the real server and fetch with real clients.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test stops at the first surprise")]
#![allow(clippy::print_stdout, reason = "figures; shown when a test fails or is asked to show them")]
#![allow(clippy::type_complexity, reason = "tables of cases with closures")]

mod architecture;
mod assets;
mod backup;
mod boot;
mod boot_files;
mod change;
mod description;
mod durability;
mod firmware;
mod golden;
mod history;
mod http_face;
mod identity;
mod invented_vendor;
mod overrides;
mod packaging;
mod packs;
mod phonebooks;
mod process;
mod scoptel;
mod scoptel_settings;
mod serve;
mod simulate;
mod stored_for_phones;
mod templates;
mod tenants;
mod tftp_face;
mod tour;
mod two_nodes;
mod uploads;
