//! Awkward arrays as trees: [`Node`] is the form and its buffers in one.
//!
//! Rows can be taken ([`Node::take`]), arrays put one below the other ([`Node::append`]), fields chosen
//! ([`Node::project`]). Forms of one kind only: what would need a union is refused.

mod append;
mod decode;
mod encode;
mod equal;
mod node;
mod take;

pub(crate) use node::Node;
