//! `GET /gateway/admin/v1/usage`: what was used, by hour or day and by key, model and so on, as
//! JSON or CSV.

use actix_http::header::{ACCEPT, CONTENT_TYPE, HeaderMap};
use actix_web::HttpResponse;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    Call, Response, page, query,
    records::{bad, refused},
};
use crate::{
    money::Usd,
    records::{
        Amounts, BadParameter, COST, COUNTS, Column, METADATA, RowKey, Span, UsageQuery, UsageRow,
    },
};

/// The shares of requests of which it is told how long they took at most.
const SHARES: [(&str, f64); 4] = [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99)];

pub(super) async fn usage(call: Call) -> Response {
    let mut parameters = query::with_ids(&call)?;
    let mut as_csv = wants_csv(call.request.headers());
    let mut formats = Vec::new();
    parameters.retain(|(name, value)| {
        let is_format = name == "format";
        if is_format {
            formats.push(value.clone());
        }
        !is_format
    });
    for format in formats {
        as_csv = match &*format {
            "csv" => true,
            "json" => false,
            _ => return Err(bad(BadParameter::new("format", "format is json or csv"))),
        };
    }
    let query = UsageQuery::of(&parameters, Timestamp::now().as_second()).map_err(bad)?;
    let process = call.control.current.get().process.clone();
    query
        .check_metadata(process.archive.summed())
        .map_err(bad)?;
    let found = process
        .archive
        .usage(query.clone())
        .await
        .map_err(refused)?;
    let rows: Vec<Map<String, Value>> = found
        .iter()
        .map(|(key, row)| row_of(&query, key, row))
        .collect();
    if !as_csv {
        return Ok(page(rows.into_iter().map(Value::Object).collect(), None));
    }
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/csv; charset=utf-8"))
        .insert_header(("content-disposition", "attachment; filename=\"usage.csv\""))
        .body(csv(&query, &rows)))
}

fn wants_csv(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|it| it.to_str().ok());
    accept.is_some_and(|it| it.trim_start().to_ascii_lowercase().starts_with("text/csv"))
}

/// The name of the column of times.
fn time_name(span: Span) -> &'static str {
    match span {
        Span::Hour => "hour",
        Span::Day => "day",
    }
}

fn row_of(query: &UsageQuery, (at, texts): &RowKey, row: &UsageRow) -> Map<String, Value> {
    let mut shown = Map::new();
    if let (Some(span), Some(at)) = (query.by_time, at) {
        let at = Timestamp::from_second(*at).ok();
        shown.insert(time_name(span).to_owned(), json!(at));
    }
    for (column, text) in query.by.iter().zip(texts) {
        let value = match name_of(*column) {
            Some(name) => json!(
                text.as_ref()
                    .map(|id| json!({ "id": id, "name": name(row) }))
            ),
            None => json!(text),
        };
        shown.insert(column.name().to_owned(), value);
    }
    // The value stands behind the texts of the columns.
    if let (Some(name), Some(value)) = (metadata_name(query), texts.last()) {
        shown.insert(name, json!(value));
    }
    add_amounts(&mut shown, &row.amounts);
    shown
}

/// The name of the field of the metadata that the rows are of.
fn metadata_name(query: &UsageQuery) -> Option<String> {
    let asked = query.metadata.as_ref().filter(|it| it.is_grouped)?;
    Some(format!("{METADATA}{}", asked.name))
}

/// Where a row has the name of a key or team; `None`: the column's texts are all there is.
fn name_of(column: Column) -> Option<fn(&UsageRow) -> &Option<String>> {
    match column {
        Column::Key => Some(|row| &row.key_name),
        Column::Team => Some(|row| &row.team_name),
        Column::Origin
        | Column::Provider
        | Column::Model
        | Column::Route
        | Column::RouteName
        | Column::Outcome
        | Column::Code
        | Column::Cache => None,
    }
}

fn add_amounts(shown: &mut Map<String, Value>, amounts: &Amounts) {
    for (at, (name, count)) in COUNTS.iter().zip(amounts.counts).enumerate() {
        let count = match at == COST {
            true => json!(Usd::from_nano(count)),
            false => json!(count),
        };
        shown.insert((*name).to_owned(), count);
    }
    let lengths = [
        ("latency_ms", &amounts.latency),
        ("first_token_ms", &amounts.first_token),
    ];
    for (name, sketch) in lengths {
        let shares = SHARES.map(|(name, share)| {
            let milliseconds = sketch.quantile(share).map(|it| it as f64 / 1000.0);
            (name.to_owned(), json!(milliseconds))
        });
        shown.insert(name.to_owned(), Value::Object(shares.into_iter().collect()));
    }
}

/// The rows as RFC 4180 has it, with a head.
fn csv(query: &UsageQuery, rows: &[Map<String, Value>]) -> String {
    let head = head(query);
    let mut text = head
        .iter()
        .map(|(name, _)| name.clone())
        .collect::<Vec<_>>()
        .join(",");
    text.push_str("\r\n");
    for row in rows {
        let row = Value::Object(row.clone());
        let cells = head.iter().map(|(_, pointer)| match row.pointer(pointer) {
            Some(Value::String(text)) => cell(text),
            None | Some(Value::Null) => String::new(),
            Some(other) => other.to_string(),
        });
        text.push_str(&cells.collect::<Vec<_>>().join(","));
        text.push_str("\r\n");
    }
    text
}

/// The names of the columns, and where in a row their values are.
fn head(query: &UsageQuery) -> Vec<(String, String)> {
    let mut head = Vec::new();
    let mut add = |name: String, pointer: String| head.push((name, pointer));
    if let Some(span) = query.by_time {
        add(time_name(span).to_owned(), format!("/{}", time_name(span)));
    }
    for column in &query.by {
        let name = column.name();
        match name_of(*column) {
            Some(_) => {
                add(format!("{name}_id"), format!("/{name}/id"));
                add(format!("{name}_name"), format!("/{name}/name"));
            }
            None => add(name.to_owned(), format!("/{name}")),
        }
    }
    if let Some(name) = metadata_name(query) {
        let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        add(cell(&name), pointer);
    }
    for name in COUNTS {
        add(name.to_owned(), format!("/{name}"));
    }
    for name in ["latency_ms", "first_token_ms"] {
        for (share, _) in SHARES {
            add(format!("{name}_{share}"), format!("/{name}/{share}"));
        }
    }
    head
}

/// A text as a cell. Callers choose some texts: one that a spreadsheet would take for a formula
/// gets an apostrophe in front.
fn cell(text: &str) -> String {
    let guard = match text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
        true => "'",
        false => "",
    };
    match guard.is_empty() && !text.contains([',', '"', '\r', '\n']) {
        true => text.to_owned(),
        false => format!("\"{guard}{}\"", text.replace('"', "\"\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn no_cell_is_a_formula_or_ends_its_row() {
        let table = [
            ("gpt-4o", "gpt-4o"),
            ("=1+1", "\"'=1+1\""),
            ("@cf/llama", "\"'@cf/llama\""),
            ("-x", "\"'-x\""),
            ("+x", "\"'+x\""),
            ("\t=x", "\"'\t=x\""),
            ("a,b", "\"a,b\""),
            ("a\"b", "\"a\"\"b\""),
            ("a\r\n=b", "\"a\r\n=b\""),
            ("0.000015", "0.000015"),
        ];
        for (text, expected) in table {
            assert_eq!(cell(text), expected, "{text:?}");
        }
    }
}
