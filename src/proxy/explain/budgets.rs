//! Which budgets would count a request, and what is left of them? Reserves nothing.

use serde_json::{Value, json};

use crate::{
    gateway::{add_standing, shown_budget},
    proxy::{admit::Admitted, clock, plan::Plan, prepare::budgets::counted},
};

/// The budgets that would count the request, each with the value that it would count under.
/// `is_running`: what is spent is known to this process.
pub async fn shown(admitted: &Admitted<'_>, plan: &Plan, is_running: bool) -> Vec<Value> {
    let now = clock::wall();
    let spend = &admitted.gateway.process.budgets.spend;
    let mut all = Vec::new();
    for (scoped, claim) in counted(admitted, plan, now) {
        let standing = match is_running {
            true => spend.standing(&claim.place).await,
            false => None,
        };
        let mut shown = shown_budget(scoped, now);
        shown["value"] = json!(Some(&claim.label).filter(|it| !it.is_empty()));
        add_standing(&mut shown, scoped, standing);
        all.push(shown);
    }
    all
}
