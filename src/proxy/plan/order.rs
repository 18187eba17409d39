//! The groups and targets of a plan as JSON, for explanations and records.

use serde_json::{Value, json};

use super::Plan;
use crate::route::tree::{Choice, Node, NodeId};

/// The groups, with targets by their place in the config.
pub(super) fn order(plan: &Plan, node: NodeId) -> Value {
    let (children, choice) = match &plan.tree.nodes[node] {
        Node::Target { target, .. } => {
            return json!(plan.target(*target).index.to_str().unwrap_or_default());
        }
        Node::Group { children, choice } => (children, choice),
    };
    let targets: Vec<Value> = children.iter().map(|child| order(plan, *child)).collect();
    match choice {
        Choice::Single => json!({ "mode": "single", "targets": targets }),
        Choice::Fallback { on } => json!({
            "mode": "fallback",
            "on_status_codes": on.as_ref().map(|on| on.iter().collect::<Vec<_>>()),
            "targets": targets,
        }),
        Choice::LoadBalance { weights, sticky } => json!({
            "mode": "loadbalance",
            "weights": weights,
            "sticky": sticky.is_some(),
            "targets": targets,
        }),
        Choice::Conditional { .. } => json!({ "mode": "conditional", "targets": targets }),
    }
}
