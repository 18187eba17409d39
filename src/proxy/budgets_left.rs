//! What is left of the budgets that count for a gateway key, as its holder may see it.

use serde_json::Value;

use super::clock;
use crate::{
    budget::{By, Scoped},
    gateway::{Gateway, add_standing, part, shown_budget},
    identity::{Budgets, Identity},
    spend::Whose,
};

/// The budgets that count for a key, each as it is written and with what is left of it.
pub struct ShownBudgets {
    pub of_key: Vec<Value>,
    /// `None`: the key is in no team.
    pub of_team: Option<Vec<Value>>,
    /// Those of the settings that count by key or team.
    pub of_gateway: Vec<Value>,
}

/// Reads the counts of a key's budgets.
pub async fn shown_budgets(gateway: &Gateway, holder: &Identity) -> ShownBudgets {
    let all = |budgets: &Budgets| budgets.iter().cloned().collect::<Vec<_>>();
    let mut of_gateway = all(&gateway.budgets);
    of_gateway.retain(|it| counts_by_holder(it) && is_for(it, holder));
    ShownBudgets {
        of_key: shown(gateway, holder, &all(&holder.key.budgets)).await,
        of_team: match &holder.team {
            Some(team) => Some(shown(gateway, holder, &all(&team.budgets)).await),
            None => None,
        },
        of_gateway: shown(gateway, holder, &of_gateway).await,
    }
}

fn counts_by_holder(scoped: &Scoped) -> bool {
    match scoped.budget.by {
        By::Key | By::Team => true,
        By::Nothing | By::Endpoint | By::Origin | By::Metadata(_) => false,
    }
}

/// Whether requests of the holder may be counted at all.
fn is_for(scoped: &Scoped, holder: &Identity) -> bool {
    let only = &scoped.budget.only;
    let key = &holder.key;
    let is_key = |it: &str| key.name.as_str() == it || key.id.to_string() == it;
    let team = holder.team.as_ref();
    let is_team =
        |it: &str| team.is_some_and(|team| team.name.as_str() == it || team.id.to_string() == it);
    only.key.as_deref().is_none_or(is_key) && only.team.as_deref().is_none_or(is_team)
}

async fn shown(
    gateway: &Gateway,
    holder: &Identity,
    budgets: &[std::sync::Arc<Scoped>],
) -> Vec<Value> {
    let now = clock::wall();
    let mut all = Vec::with_capacity(budgets.len());
    for scoped in budgets {
        let mut shown = shown_budget(scoped, now);
        let standing = match whose(scoped, holder) {
            Some(whose) => {
                let place = part(scoped, whose, now).place;
                gateway.process.budgets.spend.standing(&place).await
            }
            None => None,
        };
        add_standing(&mut shown, scoped, standing);
        all.push(shown);
    }
    all
}

/// Where the holder's requests are counted. `None`: it depends on what a request says.
fn whose(scoped: &Scoped, holder: &Identity) -> Option<Whose> {
    let key = Whose::of_id(holder.key.id.as_bytes());
    match scoped.budget.by {
        By::Nothing => Some(Whose::ALL),
        By::Key => Some(key),
        By::Team => {
            let team = holder.team.as_ref();
            Some(team.map_or(key, |team| Whose::of_id(team.id.as_bytes())))
        }
        By::Endpoint | By::Origin | By::Metadata(_) => None,
    }
}
