//! The gateway over the wire: raw sockets on both sides, bytes compared. One binary, so that it links once.

mod guard;
mod guard_names;
mod guard_rules;
mod guard_secrets;
mod guard_self;
mod guard_shape;
mod guard_spellings;
mod smoke;
mod support;
