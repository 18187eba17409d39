//! Parses `strategy`, which says how a group uses its targets.

use std::time::Duration;

use super::{
    ConfigObjectError,
    fields::Section,
    object::{At, Object},
};
use crate::route::{
    condition::{Condition, Field, WorkBudget},
    config_types::{Entry, Mode, Sticky, Strategy},
    policy::BreakerPolicy,
};

type Read<T> = Result<T, ConfigObjectError>;

/// Parses the strategy of a group with these targets.
pub fn read(at: &At<'_>, targets: &[Entry], budget: &mut WorkBudget) -> Read<Strategy> {
    let object = at.object(Section::Strategy)?;
    let mode = match object.get("mode") {
        None => "single",
        Some(mode) => mode.text()?,
    };
    let mode = match mode {
        "single" => Mode::Single,
        "fallback" => Mode::Fallback {
            on: object.read_as("on_status_codes", At::codes)?,
        },
        "loadbalance" => loadbalance(&object, targets, budget)?,
        "conditional" => conditional(&object, targets, budget)?,
        _ => {
            let reason = "must be single, fallback, loadbalance or conditional";
            return Err(ConfigObjectError::new(&format!("{}.mode", at.path), reason));
        }
    };
    if targets.is_empty() && !matches!(mode, Mode::Single) {
        return at.refuse("needs targets beside it");
    }
    check_place(&object, &mode)?;
    Ok(Strategy {
        mode,
        breaker: object.read_as("cb_config", breaker)?,
    })
}

/// Refuses keys that have no effect in this mode, which are likely mistakes.
fn check_place(object: &Object<'_>, mode: &Mode) -> Read<()> {
    let misplaced = |names: &[&'static str], of: &str| {
        let found = names.iter().find_map(|name| object.get(name));
        match found {
            None => Ok(()),
            Some(at) => at.refuse(format!("belongs to mode {of}")),
        }
    };
    if !matches!(mode, Mode::Fallback { .. }) {
        misplaced(&["on_status_codes"], "fallback")?;
    }
    if !matches!(mode, Mode::LoadBalance { .. }) {
        misplaced(&["sticky"], "loadbalance")?;
    }
    if !matches!(mode, Mode::Conditional { .. }) {
        misplaced(&["conditions", "default"], "conditional")?;
    }
    Ok(())
}

fn loadbalance(object: &Object<'_>, targets: &[Entry], budget: &mut WorkBudget) -> Read<Mode> {
    let weighs = |target: &Entry| target.weight.is_none_or(|weight| weight > 0.0);
    if !targets.is_empty() && !targets.iter().any(weighs) {
        let reason = "has only targets of weight 0, of which none could be chosen";
        return Err(ConfigObjectError::new(object.path(), reason));
    }
    Ok(Mode::LoadBalance {
        sticky: object.read_as("sticky", |at| sticky(at, budget))?,
    })
}

fn sticky(at: &At<'_>, budget: &mut WorkBudget) -> Read<Sticky> {
    let object = at.object(Section::Sticky)?;
    let field = |at: &At<'_>| match Field::parse(at.text()?) {
        Ok(field) => Ok(field),
        Err(reason) => at.refuse(reason),
    };
    let fields = object.read_as("hash_fields", |at| {
        let items = at.items()?;
        budget
            .take_items(items.len())
            .or_else(|reason| at.refuse(reason))?;
        let fields: Vec<_> = items.iter().map(field).collect::<Read<_>>()?;
        match fields.is_empty() {
            true => at.refuse("must name at least one field"),
            false => Ok(fields),
        }
    })?;
    match fields {
        Some(hash_fields) => Ok(Sticky {
            hash_fields,
            ttl: object.read_as("ttl", At::seconds)?,
        }),
        None => at.refuse("needs hash_fields, such as [\"metadata.user\"]"),
    }
}

fn conditional(object: &Object<'_>, targets: &[Entry], budget: &mut WorkBudget) -> Read<Mode> {
    let conditions = object.read_as("conditions", |at| {
        let items = at.items()?;
        let read = |item: &At<'_>| condition(item, targets, budget);
        items.iter().map(read).collect::<Read<Vec<_>>>()
    })?;
    match conditions {
        Some(conditions) if !conditions.is_empty() => Ok(Mode::Conditional {
            conditions,
            default: object.read_as("default", |at| target(at, targets))?,
        }),
        _ => Err(ConfigObjectError::new(
            &format!("{}.conditions", object.path()),
            "must be a list of at least one { query, then }",
        )),
    }
}

fn condition(at: &At<'_>, targets: &[Entry], budget: &mut WorkBudget) -> Read<(Condition, usize)> {
    let object = at.object(Section::Condition)?;
    let (Some(query), Some(then)) = (object.get("query"), object.get("then")) else {
        return at.refuse("needs query and then");
    };
    let condition = Condition::parse(query.value, budget).map_err(|(below, reason)| {
        let path = match below.as_str() {
            "" => query.path.clone(),
            below => format!("{}.{below}", query.path),
        };
        ConfigObjectError { path, reason }
    })?;
    Ok((condition, target(&then, targets)?))
}

/// The index of the target with this name.
fn target(at: &At<'_>, targets: &[Entry]) -> Read<usize> {
    let wanted = at.text()?;
    let mut named = targets
        .iter()
        .enumerate()
        .filter(|(_, target)| target.name.as_deref() == Some(wanted));
    match (named.next(), named.next()) {
        (Some((place, _)), None) => Ok(place),
        (Some(_), Some(_)) => at.refuse("names two targets: their names must differ"),
        (None, _) => {
            let names: Vec<&str> = targets.iter().filter_map(|it| it.name.as_deref()).collect();
            at.refuse(format!(
                "must be the name of one of the targets beside it, which are: {}",
                names.join(", ")
            ))
        }
    }
}

fn breaker(at: &At<'_>) -> Read<BreakerPolicy> {
    const MOST: u64 = 1_000_000;
    let object = at.object(Section::Breaker)?;
    let count = |name| object.read_as(name, |at| at.whole(1, MOST).map(|count| count as u32));
    let share = |at: &At<'_>| {
        at.number("a number above 0, up to 100", |share| {
            share > 0.0 && share <= 100.0
        })
    };
    let codes = object.read_as("failure_status_codes", At::codes)?;
    let cooldown = object.read_as("cooldown_interval", At::milliseconds)?;
    Ok(BreakerPolicy {
        failure_threshold: count("failure_threshold")?.unwrap_or(5),
        failure_threshold_percentage: object.read_as("failure_threshold_percentage", share)?,
        minimum_requests: count("minimum_requests")?.unwrap_or(5),
        cooldown: cooldown.unwrap_or(Duration::from_secs(30)),
        failure_status_codes: codes.unwrap_or_else(|| (500..=599).collect()),
    })
}
