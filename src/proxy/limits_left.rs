//! What is left of the limits that count for a gateway key, as its holder may see it.

use std::{collections::BTreeMap, time::Duration};

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{prepare::limits::Applied, relay::reply_headers::in_seconds};
use crate::{
    gateway::Gateway,
    identity::{Identity, limits},
    rate_limit::{self, Key, Left},
    route::limit::{By, Scoped},
};

/// The limits that count for a key, each as it is written and with what is left of it.
pub struct ShownLimits {
    pub of_key: Vec<Value>,
    /// `None`: the key is in no team.
    pub of_team: Option<Vec<Value>>,
    /// Those of the settings that count by key, team or caller.
    pub of_gateway: Vec<Value>,
}

/// Reads the counts of a key's limits. Counts nothing.
pub async fn shown_limits(gateway: &Gateway, holder: &Identity) -> ShownLimits {
    let shown = async |all: Vec<Applied<'_>>| {
        let each = all.into_iter().map(|it| shown(gateway, holder, it));
        join_all(each).await
    };
    let settings = gateway.limits.requests.iter();
    let of_gateway = settings.filter(|it| counts_by_holder(it));
    let of_team = async {
        let team = holder.team.as_ref()?;
        Some(shown(team.limits.iter().map(Applied::from).collect()).await)
    };
    let of_key = shown(holder.key.limits.iter().map(Applied::from).collect());
    let of_gateway = shown(of_gateway.map(Applied::from).collect());
    let (of_key, of_team, of_gateway) = futures_util::join!(of_key, of_team, of_gateway);
    ShownLimits {
        of_key,
        of_team,
        of_gateway,
    }
}

fn counts_by_holder(scoped: &Scoped) -> bool {
    match scoped.limit.by {
        By::Caller | By::Key | By::Team => true,
        By::ClientAddress | By::Origin | By::Metadata(_) => false,
    }
}

async fn shown(gateway: &Gateway, holder: &Identity, applied: Applied<'_>) -> Value {
    let left = match key(holder, applied) {
        Some(key) => {
            let limiter = &gateway.process.limits.limiter;
            limiter.left(applied.scoped, key).await
        }
        None => None,
    };
    let limit = &applied.scoped.limit;
    let mut shown = limits::shown(limit, applied.counts_all);
    let (remaining, reset) = in_reply_headers(left);
    shown["remaining"] = json!(remaining);
    shown["reset"] = json!(reset);
    if limit.concurrent.is_some() {
        shown["concurrent_remaining"] = json!(left.and_then(|it| it.concurrent));
    }
    shown
}

/// As the reply headers tell it: a limit of concurrent requests alone is full again at once.
fn in_reply_headers(left: Option<Left>) -> (Option<u32>, Option<u64>) {
    let requests = left.and_then(|it| it.requests);
    let at_once = || Some((left?.concurrent?, Duration::ZERO));
    let (remaining, reset) = requests.or_else(at_once).unzip();
    (remaining, reset.map(in_seconds))
}

/// Where the holder's requests are counted. `None`: it depends on what a request says.
fn key(holder: &Identity, applied: Applied<'_>) -> Option<Key> {
    let caller = || rate_limit::Identity::by_key(holder.key.id.as_bytes());
    let of_request = || {
        let By::Metadata(name) = &applied.scoped.limit.by else {
            return None;
        };
        let mut set = BTreeMap::new();
        holder.merge_metadata(&mut set);
        let value = set.get(&**name)?;
        Some(Key::of_value(applied.scoped, caller, value.as_bytes()))
    };
    applied
        .key_by_holder(Some(holder), caller)
        .or_else(of_request)
}
