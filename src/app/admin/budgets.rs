//! Budgets: what is spent and reserved of each, top-ups, and corrections of what was counted.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Call, Response, body, object, page, query::Paging};
use crate::{
    budget::{Amount, BudgetId, By, Scoped, Unit, Window, signed_usd},
    error::{Code, GatewayError},
    gateway::{Gateway, add_standing, part, shown_budget},
    machine::clock,
    spend::{self, Adjustment, Claim, Whose},
    store::AuditEntry,
};

/// So many parts of a budget are shown in a list of budgets.
const SHOWN_IN_LIST: usize = 20;

/// What an operator changes of a budget's counts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    TopUp,
    Correction,
}

pub(super) async fn list(call: Call) -> Response {
    let paging = Paging::of(call.request.query_string())?;
    let limit = usize::try_from(paging.limit).unwrap_or(usize::MAX);
    let gateway = call.control.current.get();
    let mut budgets: Vec<_> = gateway.all_budgets().collect();
    if let Some(cursor) = &paging.cursor {
        let after = BudgetId::parse(cursor).ok_or_else(wrong_cursor)?;
        budgets.retain(|it| it.id() > after);
    }
    budgets.sort_unstable_by_key(|it| it.id());
    let has_more = budgets.len() > limit;
    budgets.truncate(limit);
    let now = clock::wall();
    let mut rows = Vec::with_capacity(budgets.len());
    for scoped in &budgets {
        rows.push(shown(&gateway, scoped, now, SHOWN_IN_LIST).await);
    }
    let next = budgets.last().filter(|_| has_more);
    Ok(page(rows, next.map(|it| it.id().to_string())))
}

fn wrong_cursor() -> GatewayError {
    let message = "cursor is the next_cursor of the page before";
    GatewayError::about(Code::InvalidQuery, "cursor", message)
}

pub(super) async fn one(call: Call) -> Response {
    let gateway = call.control.current.get();
    let (scoped, whose) = find(&gateway, &call.id)?;
    let now = clock::wall();
    Ok(object(&match whose {
        None => shown(&gateway, scoped, now, usize::MAX).await,
        Some(whose) => shown_part(&gateway, scoped, whose, now).await,
    }))
}

/// The budget of an id, and the part of it, if the id is one of a part.
fn find<'g>(
    gateway: &'g Gateway,
    id: &str,
) -> Result<(&'g Arc<Scoped>, Option<Whose>), GatewayError> {
    let (budget, part) = match id.split_once('.') {
        None => (id, None),
        Some((budget, part)) => (budget, Some(part)),
    };
    let unknown = || GatewayError::new(Code::UnknownObject, "there is no budget with this id");
    let budget = BudgetId::parse(budget).ok_or_else(unknown)?;
    let whose = match part {
        None => None,
        Some(part) => Some(Whose::parse(part).ok_or_else(unknown)?),
    };
    let mut all = gateway.all_budgets();
    let found = all.find(|it| it.id() == budget).ok_or_else(unknown)?;
    Ok((found, whose))
}

/// A budget with its counts; one that is counted by value, with those of the values nearest their
/// end.
async fn shown(gateway: &Gateway, scoped: &Scoped, now: Timestamp, most: usize) -> Value {
    if scoped.budget.by == By::Nothing {
        return shown_part(gateway, scoped, Whose::ALL, now).await;
    }
    let mut shown = shown_budget(scoped, now);
    let place = part(scoped, Whose::ALL, now).place;
    let spend = &gateway.process.budgets.spend;
    let limit = scoped.budget.limit.count;
    let mut values = spend.values(&place).await.unwrap_or_default();
    values.sort_by_key(|it| std::cmp::Reverse((it.standing.share(limit), it.whose)));
    let more = values.len().saturating_sub(most);
    let values = values.iter().take(most).map(|it| {
        let id = format!("{}.{}", scoped.id(), it.whose);
        let mut value = json!({ "id": id, "value": it.label });
        add_standing(&mut value, scoped, Some(it.standing));
        value
    });
    shown["values"] = values.collect();
    shown["more_values"] = json!(more);
    shown
}

async fn shown_part(gateway: &Gateway, scoped: &Scoped, whose: Whose, now: Timestamp) -> Value {
    let mut shown = shown_budget(scoped, now);
    if whose != Whose::ALL {
        shown["id"] = json!(format!("{}.{whose}", scoped.id()));
    }
    let place = part(scoped, whose, now).place;
    let standing = gateway.process.budgets.spend.standing(&place).await;
    add_standing(&mut shown, scoped, standing);
    shown
}

pub(super) async fn change(call: Call, kind: Kind) -> Response {
    let written = body::read(&call.request, call.payload).await?;
    let gateway = call.control.current.get();
    let (scoped, whose) = find(&gateway, &call.id)?;
    check(scoped, whose, kind)?;
    let whose = whose.unwrap_or(Whose::ALL);
    let amount = amount(&written, scoped.budget.limit.unit)?;
    if kind == Kind::TopUp && amount < 0 {
        let message = "a top-up adds to the budget: correct what was spent instead";
        return Err(GatewayError::new(Code::InvalidRequest, message));
    }
    let by = match kind {
        Kind::TopUp => Adjustment {
            granted: amount,
            ..Adjustment::default()
        },
        Kind::Correction => Adjustment {
            spent: amount,
            ..Adjustment::default()
        },
    };
    let now = clock::wall();
    let before = shown_part(&gateway, scoped, whose, now).await;
    let claim: Claim<'_> = part(scoped, whose, now);
    let spend: &spend::Spend = &gateway.process.budgets.spend;
    let standing = spend.standing(&claim.place).await;
    let spent_before = standing.map_or(0, |it| it.spent);
    if !spend.adjust(&claim, by).await {
        let message = "the budgets' Redis does not respond: nothing was changed";
        return Err(GatewayError::new(Code::StoreUnavailable, message));
    }
    let after = shown_part(&gateway, scoped, whose, now).await;
    let audit = AuditEntry {
        actor: call.actor.name,
        source: call.actor.source.to_owned(),
        action: kind.name().to_owned(),
        kind: "budget".to_owned(),
        id: call.id,
        name: scoped.name().to_owned(),
        before: Some(before),
        after: Some(after.clone()),
    };
    if let Err(error) = call.control.note_spend(audit).await {
        // Nobody repeats a change that was made. Should Redis be away now, too, it stays.
        let _ = spend.adjust(&claim, by.undone(spent_before)).await;
        return Err(error);
    }
    Ok(object(&after))
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::TopUp => "top_up",
            Kind::Correction => "correct",
        }
    }
}

/// Whether the change is one that the budget may have.
fn check(scoped: &Scoped, whose: Option<Whose>, kind: Kind) -> Result<(), GatewayError> {
    let conflict = |message| Err(GatewayError::new(Code::Conflict, message));
    let is_counted_by_value = scoped.budget.by != By::Nothing;
    if is_counted_by_value == whose.is_none_or(|it| it == Whose::ALL) {
        return conflict(match is_counted_by_value {
            true => "the budget is counted by value: give the id of one of its values",
            false => "the budget is not counted by value",
        });
    }
    match (kind, &scoped.budget.window) {
        (Kind::Correction, _) | (Kind::TopUp, Window::Total) => Ok(()),
        (Kind::TopUp, Window::Calendar(_)) => conflict(
            "only a budget whose window is total is topped up: raise the limit of this one, or \
             correct what was spent",
        ),
    }
}

/// The amount of a change, which may be negative.
fn amount(written: &Value, unit: Unit) -> Result<i64, GatewayError> {
    let refuse =
        |path: &str, message: String| Err(GatewayError::about(Code::InvalidRequest, path, message));
    let empty = Map::new();
    let fields = written.as_object().unwrap_or(&empty);
    let name = unit.name();
    if let Some(other) = fields.keys().find(|key| *key != name) {
        let message = format!("{other} is not a field here. Allowed: {name}");
        return refuse(other, message);
    }
    let read = match (fields.get(name), unit) {
        (None, _) => return refuse(name, format!("{name} is missing: how much is to be added")),
        (Some(usd), Unit::Usd) => signed_usd(usd).ok().map(|(is_negative, usd)| {
            let nano = usd.nano().cast_signed();
            if is_negative { -nano } else { nano }
        }),
        (Some(tokens), Unit::Tokens) => tokens
            .as_i64()
            .filter(|it| it.unsigned_abs() <= Amount::MOST),
    };
    match read {
        Some(amount) => Ok(amount),
        None => refuse(name, format!("{name} is no amount that can be added")),
    }
}
