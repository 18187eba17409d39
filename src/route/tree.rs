//! The shape of a plan: which targets stand in which groups. What a target is, the tree does not know: it counts them.

use super::{
    condition::{Condition, Field},
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

impl Tree {
    /// A request may be sent more than once: its body has to be kept.
    pub fn may_replay(&self) -> bool {
        self.nodes.iter().any(|node| match node {
            Node::Target { retry, hedge, .. } => retry.attempts > 0 || hedge.is_some(),
            Node::Group { children, choice } => match choice {
                Choice::Fallback { .. } => children.len() > 1,
                Choice::Single | Choice::LoadBalance { .. } | Choice::Conditional { .. } => false,
            },
        })
    }

    /// Something is decided by values in the body: it has to be read first.
    pub fn needs_params(&self) -> bool {
        let is_param = |field: &Field| matches!(field, Field::Param(_));
        self.nodes.iter().any(|node| match node {
            Node::Target { .. } => false,
            Node::Group { choice, .. } => match choice {
                Choice::Single | Choice::Fallback { .. } => false,
                Choice::LoadBalance { sticky, .. } => sticky
                    .as_ref()
                    .is_some_and(|sticky| sticky.hash_fields.iter().any(is_param)),
                Choice::Conditional { conditions, .. } => conditions
                    .iter()
                    .any(|(condition, _)| condition.needs_params()),
            },
        })
    }
}
