//! What does a key's holder see of it? Its fields and what is left of its limits and budgets, and
//! nothing of what it may use.

use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use super::{Pages, admin, refuse};
use crate::{
    error::Code,
    identity::Identity,
    proxy::{ShownBudgets, ShownLimits, shown_budgets, shown_limits},
};

/// `GET /gateway/key`.
pub async fn page(pages: Pages, request: HttpRequest) -> HttpResponse {
    let gateway = pages.get();
    match gateway.access.holder_of_page(request.head()) {
        Ok(Some(holder)) => {
            let limits = shown_limits(&gateway, holder).await;
            let budgets = shown_budgets(&gateway, holder).await;
            admin::object(&shown(holder, limits, budgets))
        }
        Ok(None) => refuse(
            Code::InvalidGatewayKey,
            "this page is for the holder of a gateway key: send it as Authorization: Bearer",
        ),
        Err(error) => error.response().map_into_boxed_body().into(),
    }
}

fn shown(holder: &Identity, limits: ShownLimits, budgets: ShownBudgets) -> Value {
    let key = &holder.key;
    json!({
        "id": key.id.to_string(),
        "name": key.name.as_str(),
        "team": holder.team.as_ref().map(|team| team.name.as_str()),
        "role": key.role,
        "expires": key.expires.map(|it| it.to_string()),
        "limits": limits.of_key,
        "team_limits": limits.of_team,
        "gateway_limits": limits.of_gateway,
        "budgets": budgets.of_key,
        "team_budgets": budgets.of_team,
        "gateway_budgets": budgets.of_gateway,
    })
}
