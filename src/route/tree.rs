//! The shape of a plan: which targets belong to which groups. Targets are indices here; their
//! content is elsewhere.

use super::{
    condition::{Condition, Field},
    config_types::Sticky,
    policy::{Hedge, Retry, StatusCodes},
};

/// A plan's groups and targets. Node 0 is the root; children come after their parent.
#[derive(Clone)]
pub struct Tree {
    pub nodes: Box<[Node]>,
}

/// An index into [`Tree::nodes`].
pub type NodeId = usize;
/// An index into the plan's list of targets, in the order of the config.
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
    /// The first child only.
    Single,
    /// In order, until one succeeds. `on`: statuses that count as failures; `None`: all from 400.
    Fallback { on: Option<StatusCodes> },
    /// One child by weight, with one weight for each child; zero is never chosen.
    LoadBalance {
        weights: Box<[f64]>,
        sticky: Option<Sticky>,
    },
    /// The child of the first condition that holds, as indices into `children`.
    Conditional {
        conditions: Box<[(Condition, usize)]>,
        default: Option<usize>,
        /// The group's path in the config, for the error when no condition holds.
        path: Box<str>,
    },
}

impl Tree {
    /// A request may be sent more than once, so its body must be buffered.
    pub fn may_replay(&self) -> bool {
        self.nodes.iter().any(|node| match node {
            Node::Target { retry, hedge, .. } => retry.attempts > 0 || hedge.is_some(),
            Node::Group { children, choice } => match choice {
                Choice::Fallback { .. } => children.len() > 1,
                Choice::Single | Choice::LoadBalance { .. } | Choice::Conditional { .. } => false,
            },
        })
    }

    /// Some decision depends on values in the body, so it must be read first.
    pub fn needs_params(&self) -> bool {
        let mut needs = false;
        self.each_field(&mut |field| needs |= matches!(field, Field::Param(_)));
        needs
    }

    /// Where a request goes depends on its facts.
    pub fn is_decided_by_facts(&self) -> bool {
        self.choices().any(|choice| match choice {
            Choice::Single | Choice::Fallback { .. } => false,
            Choice::LoadBalance { sticky, .. } => sticky.is_some(),
            Choice::Conditional { .. } => true,
        })
    }

    /// Calls `see` with every field that conditionals and sticky load balances use, once for each
    /// use.
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

    /// The worst-case work of all patterns; see [`Condition::pattern_work`].
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
