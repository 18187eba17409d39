//! Reads JSON texts in whatever pieces they arrive, and lends the few values that a [`Visitor`]
//! asks for. Holds only the value or key that a piece ends in, and no more than [`MOST_HELD`] bytes
//! of it, however large and deep the text is. Checks the form only where the visitor looks.

mod scanner;
mod strings;
#[cfg(test)]
mod tests;

pub use self::scanner::Scanner;
use super::UsageFlaw;

/// Most bytes of a value that is lent.
pub const MOST_HELD: usize = 1024;

/// What is looked for in the texts.
pub trait Visitor {
    /// A place in the text whose members are looked at.
    type Node: Copy;
    /// A place whose value is lent.
    type Place: Copy;

    /// The node of each text, which is an object.
    const ROOT: Self::Node;

    /// What to do with a member of an object or an item of a list.
    fn step(&mut self, at: Self::Node, key: Key<'_>) -> Step<Self::Node, Self::Place>;
    /// A string as written, or another scalar; of an object or a list only its first byte.
    fn captured(&mut self, place: Self::Place, json: &[u8]);
    /// A followed value is a string with about so many bytes.
    fn measured(&mut self, node: Self::Node, bytes: u64);
    /// A followed object or list is complete and has so many items.
    fn closed(&mut self, node: Self::Node, items: usize);
    /// The text is complete, or will not be continued.
    fn ended(&mut self);
    fn flawed(&mut self, flaw: UsageFlaw);
}

/// Where a value stands in its container.
#[derive(Clone, Copy)]
pub enum Key<'k> {
    Name(&'k [u8]),
    Index(usize),
}

/// What to do with a value: lend it if it is a scalar, look into it if it is a container. A string
/// that is followed and not lent is measured.
#[derive(Clone, Copy)]
pub struct Step<N, P> {
    pub follow: Option<N>,
    pub capture: Option<P>,
}

impl<N, P> Step<N, P> {
    pub const SKIP: Self = Step {
        follow: None,
        capture: None,
    };

    pub fn follow(node: N) -> Self {
        Step {
            follow: Some(node),
            capture: None,
        }
    }

    pub fn capture(place: P) -> Self {
        Step {
            follow: None,
            capture: Some(place),
        }
    }
}
