//! The only unsafe code: kernel calls that neither nix nor rustix has, each a thin function with its reason.

#![allow(unsafe_code, reason = "this is where it lives")]

pub(crate) mod mount;
pub(crate) mod process;
pub(crate) mod seccomp;
pub(crate) mod userns;
