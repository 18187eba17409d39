//! `GET /gateway/admin/v1/prices`: which prices are in force, and what one model costs.

use std::sync::Arc;

use actix_web::web;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Call, Response, object};
use crate::{
    error::{Code, GatewayError},
    guard::BaseUrl,
    price::{Override, PriceFile, Prices, built_in},
};

/// Which model's price is asked for; both or none.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    origin: Option<String>,
    model: Option<String>,
}

pub(super) async fn show(call: Call) -> Response {
    let asked = asked(call.request.query_string())?;
    let prices = call.control.current.get().prices.clone();
    // The first use decodes the built-in table.
    let shown = web::block(move || shown(&prices, asked)).await;
    let shown = shown.map_err(|_| {
        let message = "the prices could not be read";
        GatewayError::new(Code::Internal, message)
    })?;
    Ok(object(&shown))
}

/// The origin and the model.
fn asked(query: &str) -> Result<Option<(String, String)>, GatewayError> {
    let refuse = |message: &str| GatewayError::new(Code::InvalidQuery, message.to_owned());
    let asked = web::Query::<Asked>::from_query(query).ok();
    match asked.map(web::Query::into_inner) {
        Some(Asked {
            origin: None,
            model: None,
        }) => Ok(None),
        Some(Asked {
            origin: Some(origin),
            model: Some(model),
        }) => {
            let url = BaseUrl::parse(&origin);
            let url = url.map_err(|error| refuse(&format!("origin: {error}")))?;
            Ok(Some((url.origin().to_owned(), model)))
        }
        Some(_) | None => Err(refuse(
            "prices take origin and model together, and nothing else",
        )),
    }
}

fn shown(prices: &Arc<Prices>, asked: Option<(String, String)>) -> Value {
    let overrides = prices.overrides().iter().map(Override::shown);
    let built_in = built_in::TABLE
        .get()
        .as_ref()
        .map(|table| json!({ "date": built_in::DATE, "models": table.models().count() }));
    let mut shown = json!({
        "overrides": overrides.collect::<Vec<_>>(),
        "file": prices.file().map(file),
        "built_in": built_in,
    });
    if let Some((origin, model)) = asked {
        let found = prices.find(&origin, Some(&model));
        let found = found.map(|it| it.shown(Timestamp::now()));
        shown["lookup"] = json!({ "origin": origin, "model": model, "found": found });
    }
    shown
}

fn file(file: &PriceFile) -> Value {
    json!({
        "path": file.path,
        "format": file.format(),
        "date": file.date,
        "models": file.models().count(),
        "ignored": file.ignored(),
    })
}
