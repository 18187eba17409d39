//! What a request's facts decide in a tree: the child of each conditional and the key of each
//! sticky load balance. It depends on nothing else, so it can be computed on any thread.

use super::{
    balance::{self, StickyKey},
    condition::{Facts, TooManyItems},
    tree::{Choice, Node, NodeId, Tree},
};

/// The decisions, one for each group that the request can reach.
#[derive(Default)]
pub struct Decided(Vec<(NodeId, Decision)>);

enum Decision {
    /// The index of a conditional's child; `None` if no condition holds and there is no default.
    Child(Option<usize>),
    /// `None` if the request has none of the fields.
    Key(Option<StickyKey>),
}

impl Decided {
    /// Evaluates conditions and sticky keys along the groups that can be reached.
    ///
    /// # Errors
    /// A condition tests a list that is too long.
    pub fn by(tree: &Tree, facts: &dyn Facts) -> Result<Self, TooManyItems> {
        let mut decided = Decided::default();
        decided.node(tree, 0, facts)?;
        Ok(decided)
    }

    /// The chosen child of a conditional.
    pub fn child(&self, group: NodeId) -> Option<usize> {
        match self.of(group)? {
            Decision::Child(child) => *child,
            Decision::Key(_) => None,
        }
    }

    /// The key of a sticky load balance.
    pub fn key(&self, group: NodeId) -> Option<&StickyKey> {
        match self.of(group)? {
            Decision::Child(_) => None,
            Decision::Key(key) => key.as_ref(),
        }
    }

    fn of(&self, group: NodeId) -> Option<&Decision> {
        let pair = self.0.iter().find(|(node, _)| *node == group);
        pair.map(|(_, decision)| decision)
    }

    fn node(&mut self, tree: &Tree, node: NodeId, facts: &dyn Facts) -> Result<(), TooManyItems> {
        let Node::Group { children, choice } = &tree.nodes[node] else {
            return Ok(());
        };
        match choice {
            Choice::Single => self.node(tree, children[0], facts),
            Choice::Fallback { .. } => self.nodes(tree, children, facts),
            Choice::LoadBalance { sticky, .. } => {
                if let Some(sticky) = sticky {
                    let texts = sticky.hash_fields.iter().map(|field| facts.text(field));
                    let key = balance::sticky_key(texts);
                    self.0.push((node, Decision::Key(key)));
                }
                self.nodes(tree, children, facts)
            }
            Choice::Conditional {
                conditions,
                default,
                ..
            } => {
                let mut child = *default;
                for (condition, then) in conditions {
                    if condition.holds(facts)? {
                        child = Some(*then);
                        break;
                    }
                }
                self.0.push((node, Decision::Child(child)));
                match child {
                    Some(child) => self.node(tree, children[child], facts),
                    None => Ok(()),
                }
            }
        }
    }

    fn nodes(
        &mut self,
        tree: &Tree,
        nodes: &[NodeId],
        facts: &dyn Facts,
    ) -> Result<(), TooManyItems> {
        nodes
            .iter()
            .try_for_each(|node| self.node(tree, *node, facts))
    }
}
