//! The shape of a plan: which targets stand in which groups. What a target is, the tree does not know: it counts them.

use super::{
    condition::Condition,
    object::Sticky,
    policy::{Hedge, Retry, StatusCodes},
};

/// A plan's groups and targets; node 0 is the root. Children come after their parent.
pub struct Tree {
    pub nodes: Box<[Node]>,
}

/// A place in [`Tree::nodes`].
pub type NodeId = usize;
/// A place in the plan's list of targets, in the order of the config.
pub type TargetId = usize;

pub enum Node {
    Target {
        target: TargetId,
        retry: Retry,
        hedge: Option<Hedge>,
    },
    Group {
        children: Box<[NodeId]>,
        choice: Choice,
    },
}

/// How a group uses its children.
pub enum Choice {
    /// The first, and no other.
    Single,
    /// In order, until one does not fail. `on`: move on for these statuses only; none: for any from 400.
    Fallback { on: Option<StatusCodes> },
    /// One, by weight (one weight for each child; zero is never chosen).
    LoadBalance {
        weights: Box<[f64]>,
        sticky: Option<Sticky>,
    },
    /// The first condition that holds; places in `children`.
    Conditional {
        conditions: Box<[(Condition, usize)]>,
        default: Option<usize>,
        /// The group's path in the config, for the error when nothing holds.
        path: Box<str>,
    },
}
