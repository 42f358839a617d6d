//! server

pub mod tftp;
