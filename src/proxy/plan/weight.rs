//! How much memory does a plan hold? Estimated from what it is made of, so that a worker's store of
//! plans stays within its bound whatever the configs are.

use std::mem::size_of;

use super::{Plan, Target};
use crate::route::{
    limit::{By, Scoped},
    policy::{BodyEdit, HeaderEdit},
    tree::{Choice, Node},
};

/// What an allocation costs besides its content.
const ALLOCATION: usize = 16;

impl Plan {
    /// Bytes of memory that the plan holds. Lists that several targets share count once.
    pub fn held_bytes(&self) -> usize {
        let mut shared: Vec<*const [BodyEdit]> = Vec::new();
        let mut params = 0;
        for target in &self.targets {
            let list = std::rc::Rc::as_ptr(&target.override_params);
            if !shared.contains(&list) {
                shared.push(list);
                params += target.override_params.iter().map(body_edit).sum::<usize>();
            }
        }
        let targets: usize = self.targets.iter().map(target).sum();
        let nodes: usize = self.tree.nodes.iter().map(node).sum();
        let limits: usize = self.limits.iter().map(limit).sum();
        let notes: usize = self.notes.iter().map(|note| text(note)).sum();
        size_of::<Plan>() + text(&self.text) + params + targets + nodes + limits + notes
    }
}

fn target(target: &Target) -> usize {
    let lines: usize = target.edits.iter().map(header_edit).sum();
    let limits: usize = target.limits.iter().map(limit).sum();
    // The base URL, its spellings for every request, and the verdict of the guard.
    let base = target.base.raw_path().len() + target.base.raw_query().map_or(0, str::len);
    let origin = 8 * (target.base.origin().len() + ALLOCATION);
    let breaker = target.breaker.as_ref();
    let codes = breaker.map_or(0, |it| it.failure_status_codes.held_bytes());
    let names = [
        target.index.len(),
        target.name.as_deref().map_or(0, str::len),
        target.provider.len(),
        target.model_prefix.as_deref().map_or(0, str::len),
    ];
    size_of::<Target>() + names.iter().sum::<usize>() + lines + limits + base + origin + codes
}

fn node(node: &Node) -> usize {
    let more = match node {
        Node::Target { retry, .. } => retry.on_status_codes.held_bytes(),
        Node::Group { children, choice } => children.len() * size_of::<usize>() + held(choice),
    };
    size_of::<Node>() + ALLOCATION + more
}

fn held(choice: &Choice) -> usize {
    match choice {
        Choice::Single => 0,
        Choice::Fallback { on } => on.as_ref().map_or(0, |codes| codes.held_bytes()),
        Choice::LoadBalance { weights, sticky } => {
            let fields = sticky.iter().flat_map(|it| &it.hash_fields);
            let fields: usize = fields.map(|field| field.held_bytes()).sum();
            weights.len() * size_of::<f64>() + fields
        }
        Choice::Conditional {
            conditions, path, ..
        } => {
            let conditions = conditions.iter();
            let conditions: usize = conditions
                .map(|(condition, _)| condition.held_bytes())
                .sum();
            conditions + text(path)
        }
    }
}

fn limit(scoped: &Scoped) -> usize {
    let name = match &scoped.limit.by {
        By::Metadata(name) => text(name),
        By::Caller | By::Key | By::Team | By::ClientAddress | By::Origin => 0,
    };
    size_of::<Scoped>() + text(&scoped.place) + name
}

fn header_edit((name, value): &HeaderEdit) -> usize {
    let value = value.as_ref().map_or(0, |value| value.len() + ALLOCATION);
    size_of::<HeaderEdit>() + name.as_str().len() + ALLOCATION + value
}

fn body_edit((key, value): &BodyEdit) -> usize {
    size_of::<BodyEdit>() + text(key) + text(value)
}

fn text(text: &str) -> usize {
    text.len() + ALLOCATION
}
