//! Objects on servers, for reading: S3, Google Cloud Storage and web servers (feature `object-store`).
//!
//! [`connect`] turns a URL and the environment into a client, [`credentials`] sees to it that missing ones are told at
//! once, and [`failure`] puts what went wrong into words. Requests are asynchronous below and synchronous above: the
//! thread that asks waits, on the [`runtime`], and threads that ask at the same time have requests under way at the
//! same time. Only [`Remote`] is seen from outside.

mod connect;
mod credentials;
mod failure;
mod object;
mod runtime;

pub(crate) use object::{Object, Remote};
#[cfg(test)]
pub(crate) use runtime::wait;
