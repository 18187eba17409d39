//! The position of a request in the tree: a target, and the groups above it.

use super::{
    World,
    outcome::{Failed, Fault, NoMatch},
};
use crate::route::{
    balance,
    decided::Decided,
    policy::{Hedge, Retry, StatusCodes},
    tree::{Choice, Node, NodeId, TargetId, Tree},
};

/// The children chosen by groups that choose once per request (conditional, load balance).
#[derive(Default)]
pub struct Chosen(Vec<(NodeId, usize)>);

impl Chosen {
    /// Takes the decisions of conditionals and draws for load balances, starting at the root.
    ///
    /// # Errors
    /// A conditional on the way has no matching condition.
    pub fn by(tree: &Tree, decided: &Decided, world: &dyn World) -> Result<Self, NoMatch> {
        let mut chosen = Chosen::default();
        chosen.node(tree, 0, decided, world)?;
        Ok(chosen)
    }

    fn node(
        &mut self,
        tree: &Tree,
        node: NodeId,
        decided: &Decided,
        world: &dyn World,
    ) -> Result<(), NoMatch> {
        let Node::Group { children, choice } = &tree.nodes[node] else {
            return Ok(());
        };
        let only = match choice {
            Choice::Single => 0,
            Choice::Fallback { .. } => {
                return children
                    .iter()
                    .try_for_each(|child| self.node(tree, *child, decided, world));
            }
            Choice::LoadBalance { weights, sticky } => {
                let key = decided.key(node);
                let ttl = sticky.as_ref().and_then(|sticky| sticky.ttl);
                let draw = |eligible: &dyn Fn(usize) -> bool| match key {
                    Some(key) => {
                        balance::by_fields(weights, eligible, key, ttl, world.unix_seconds())
                    }
                    None => balance::by_dice(weights, eligible, world.dice()),
                };
                // With every breaker open, all children are drawn from.
                draw(&|child| is_open(tree, children[child], world))
                    .or_else(|| draw(&|_| true))
                    .unwrap_or_default()
            }
            Choice::Conditional { path, .. } => {
                let child = decided.child(node);
                child.ok_or_else(|| NoMatch(path.clone()))?
            }
        };
        self.0.push((node, only));
        self.node(tree, children[only], decided, world)
    }

    fn of(&self, node: NodeId) -> Option<usize> {
        let pair = self.0.iter().find(|(group, _)| *group == node);
        pair.map(|(_, child)| *child)
    }
}

/// Some target below the node is admitted by its breaker.
fn is_open(tree: &Tree, node: NodeId, world: &dyn World) -> bool {
    match &tree.nodes[node] {
        Node::Target { target, .. } => world.admits(*target),
        Node::Group { children, .. } => children.iter().any(|child| is_open(tree, *child, world)),
    }
}

/// A target and the path to it.
pub struct Cursor<'p> {
    tree: &'p Tree,
    chosen: Chosen,
    /// The fallback groups above the target, outermost first, each with the child that is being
    /// tried.
    above: Vec<(NodeId, usize)>,
    leaf: NodeId,
    /// All breakers are open, so they are not asked.
    forced: bool,
}

impl<'p> Cursor<'p> {
    /// Starts at the first target that its breaker admits, or at the very first if there is none.
    pub fn first(tree: &'p Tree, chosen: Chosen, world: &dyn World) -> Self {
        let mut place = Cursor {
            tree,
            chosen,
            above: Vec::new(),
            leaf: 0,
            forced: false,
        };
        if !place.enter(0, world) {
            place.forced = true;
            place.above.clear();
            place.enter(0, world);
        }
        place
    }

    pub fn is_forced(&self) -> bool {
        self.forced
    }

    pub fn target(&self) -> TargetId {
        match &self.tree.nodes[self.leaf] {
            Node::Target { target, .. } => *target,
            // Cannot happen: `enter` ends at targets only.
            Node::Group { .. } => 0,
        }
    }

    pub fn retry(&self) -> &'p Retry {
        static NONE: std::sync::LazyLock<Retry> = std::sync::LazyLock::new(Retry::default);
        match &self.tree.nodes[self.leaf] {
            Node::Target { retry, .. } => retry,
            Node::Group { .. } => &NONE,
        }
    }

    pub fn hedge(&self) -> Option<Hedge> {
        match &self.tree.nodes[self.leaf] {
            Node::Target { hedge, .. } => *hedge,
            Node::Group { .. } => None,
        }
    }

    /// Some fallback group above treats this status as a failure.
    pub fn moves_on_for(&self, status: u16) -> bool {
        let mut groups = self.above.iter();
        groups.any(|(group, _)| is_listed(self.on(*group), status))
    }

    /// There is another target to fall back to.
    pub fn has_next(&self, world: &dyn World) -> bool {
        self.above.iter().any(|(group, child)| {
            let later = self.children(*group).iter().skip(child + 1);
            later.clone().any(|child| self.admits(*child, world))
        })
    }

    /// The targets that may respond. For a conditional, the chosen one; for a load balance, all
    /// with a weight, or only the drawn one if conditions below the others were not evaluated.
    pub fn candidates(&self) -> Vec<TargetId> {
        let mut candidates = Vec::new();
        self.collect(0, &mut candidates);
        candidates
    }

    fn collect(&self, node: NodeId, candidates: &mut Vec<TargetId>) {
        let (children, choice) = match &self.tree.nodes[node] {
            Node::Target { target, .. } => return candidates.push(*target),
            Node::Group { children, choice } => (children, choice),
        };
        match choice {
            Choice::Fallback { .. } => {
                children
                    .iter()
                    .for_each(|child| self.collect(*child, candidates));
            }
            Choice::LoadBalance { weights, .. } if self.is_decided(node) => {
                let weighty = children
                    .iter()
                    .zip(weights)
                    .filter(|(_, weight)| **weight > 0.0);
                weighty.for_each(|(child, _)| self.collect(*child, candidates));
            }
            Choice::Single | Choice::LoadBalance { .. } | Choice::Conditional { .. } => {
                let only = self.chosen.of(node).unwrap_or_default();
                self.collect(children[only], candidates);
            }
        }
    }

    /// Every condition below the node has been evaluated.
    fn is_decided(&self, node: NodeId) -> bool {
        let (children, choice) = match &self.tree.nodes[node] {
            Node::Target { .. } => return true,
            Node::Group { children, choice } => (children, choice),
        };
        let chosen = self.chosen.of(node);
        match choice {
            Choice::Conditional { .. } => chosen.is_some_and(|it| self.is_decided(children[it])),
            Choice::Single => self.is_decided(children[0]),
            Choice::Fallback { .. } | Choice::LoadBalance { .. } => {
                children.iter().all(|child| self.is_decided(*child))
            }
        }
    }

    /// Moves to the next target for this failure. Returns false, and stays, if there is none.
    pub fn advance(&mut self, failed: Failed, world: &dyn World) -> bool {
        for depth in (0..self.above.len()).rev() {
            let (group, child) = self.above[depth];
            if !moves_on(self.on(group), failed) {
                continue;
            }
            for later in child + 1..self.children(group).len() {
                let (above, leaf) = (self.above.clone(), self.leaf);
                self.above.truncate(depth);
                self.above.push((group, later));
                if self.enter(self.children(group)[later], world) {
                    return true;
                }
                (self.above, self.leaf) = (above, leaf);
            }
        }
        false
    }

    /// Moves down to the first target that its breaker admits; returns false if there is none.
    fn enter(&mut self, node: NodeId, world: &dyn World) -> bool {
        let (children, choice) = match &self.tree.nodes[node] {
            Node::Target { target, .. } => {
                self.leaf = node;
                return self.forced || world.admits(*target);
            }
            Node::Group { children, choice } => (children, choice),
        };
        match choice {
            Choice::Fallback { .. } => {
                for (place, child) in children.iter().enumerate() {
                    self.above.push((node, place));
                    let depth = self.above.len();
                    if self.enter(*child, world) {
                        return true;
                    }
                    self.above.truncate(depth - 1);
                }
                false
            }
            Choice::Single | Choice::LoadBalance { .. } | Choice::Conditional { .. } => {
                let only = self.chosen.of(node).unwrap_or_default();
                self.enter(children[only], world)
            }
        }
    }

    fn admits(&self, node: NodeId, world: &dyn World) -> bool {
        match &self.tree.nodes[node] {
            Node::Target { target, .. } => self.forced || world.admits(*target),
            Node::Group { children, choice } => match choice {
                Choice::Fallback { .. } => children.iter().any(|child| self.admits(*child, world)),
                Choice::Single | Choice::LoadBalance { .. } | Choice::Conditional { .. } => {
                    let only = self.chosen.of(node).unwrap_or_default();
                    self.admits(children[only], world)
                }
            },
        }
    }

    fn children(&self, group: NodeId) -> &'p [NodeId] {
        match &self.tree.nodes[group] {
            Node::Group { children, .. } => children,
            Node::Target { .. } => &[],
        }
    }

    fn on(&self, group: NodeId) -> Option<&'p StatusCodes> {
        match &self.tree.nodes[group] {
            Node::Group {
                choice: Choice::Fallback { on },
                ..
            } => on.as_ref(),
            Node::Group { .. } | Node::Target { .. } => None,
        }
    }
}

/// Whether a fallback with these `on_status_codes` moves on after the failure.
fn moves_on(on: Option<&StatusCodes>, failed: Failed) -> bool {
    match failed.fault {
        Fault::Status => is_listed(on, failed.status),
        Fault::UnusableResponse
        | Fault::Connect
        | Fault::ConnectTimeout
        | Fault::Network
        | Fault::Timeout
        | Fault::FirstToken
        | Fault::BreakerOpen
        | Fault::Denied
        | Fault::RateLimited => true,
    }
}

fn is_listed(on: Option<&StatusCodes>, status: u16) -> bool {
    match on {
        Some(on) => on.contains(status),
        None => status >= 400,
    }
}
