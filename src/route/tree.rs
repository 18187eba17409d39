//! The shape of a plan: which targets stand in which groups. What a target is, the tree does not know: it counts them.

use super::{
    condition::{Condition, Field},
    config_types::Sticky,
    policy::{Hedge, Retry, StatusCodes},
};

/// A plan's groups and targets; node 0 is the root. Children come after their parent.
#[derive(Clone)]
pub struct Tree {
    pub nodes: Box<[Node]>,
}

/// A place in [`Tree::nodes`].
pub type NodeId = usize;
/// A place in the plan's list of targets, in the order of the config.
pub type TargetId = usize;

#[derive(Clone)]
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
#[derive(Clone)]
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
        let mut needs = false;
        self.each_field(&mut |field| needs |= matches!(field, Field::Param(_)));
        needs
    }

    /// What a request says has a part in where it goes.
    pub fn is_decided_by_facts(&self) -> bool {
        self.choices().any(|choice| match choice {
            Choice::Single | Choice::Fallback { .. } => false,
            Choice::LoadBalance { sticky, .. } => sticky.is_some(),
            Choice::Conditional { .. } => true,
        })
    }

    /// Shows every field that conditionals and sticky balances ask for, as often as they do.
    pub fn each_field<'t>(&'t self, see: &mut dyn FnMut(&'t Field)) {
        for choice in self.choices() {
            match choice {
                Choice::LoadBalance { sticky, .. } => {
                    let fields = sticky.iter().flat_map(|sticky| &sticky.hash_fields);
                    fields.for_each(&mut *see);
                }
                Choice::Conditional { conditions, .. } => {
                    for (condition, _) in conditions {
                        condition.each_field(see);
                    }
                }
                Choice::Single | Choice::Fallback { .. } => {}
            }
        }
    }

    /// The work of all patterns at the worst: see [`Condition::pattern_work`].
    pub fn pattern_work(&self, length: &dyn Fn(&Field) -> usize) -> usize {
        let conditions = self.choices().flat_map(|choice| match choice {
            Choice::Conditional { conditions, .. } => &conditions[..],
            _ => &[],
        });
        let work = conditions.map(|(condition, _)| condition.pattern_work(length));
        work.fold(0, usize::saturating_add)
    }

    fn choices(&self) -> impl Iterator<Item = &Choice> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Target { .. } => None,
            Node::Group { choice, .. } => Some(choice),
        })
    }
}
