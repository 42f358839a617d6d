//! Measuring Offhook beside servers that people know, on loopback: load clients, what a process used, and the servers.

pub mod http;
pub mod million;
pub mod process;
pub mod servers;
pub mod table;
pub mod tftp;
