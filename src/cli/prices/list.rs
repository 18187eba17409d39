//! `throughway prices list`.

use std::io::{self, Write};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::ListArgs;
use crate::{
    guard::BaseUrl,
    identity::{
        allow::{ModelPattern, Pattern as _},
        text::Text as _,
    },
    price::{Override, Prices, Sheet, built_in, plain},
};

/// Prints one line for each model, in the order in which the layers win.
pub fn run(
    args: &ListArgs,
    prices: &Prices,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<u8> {
    let wanted = match Wanted::of(args) {
        Ok(wanted) => wanted,
        Err(reason) => {
            writeln!(err, "error: {reason}")?;
            return Ok(1);
        }
    };
    let mut rows = rows(&wanted, prices);
    if args.json {
        let rows: Vec<Value> = rows.iter().map(Row::json).collect();
        writeln!(out, "{}", json!(rows))?;
        return Ok(0);
    }
    for row in &mut rows {
        writeln!(out, "{}", row.line())?;
    }
    if rows.is_empty() {
        writeln!(err, "no model fits")?;
    }
    Ok(0)
}

/// Which models are listed.
struct Wanted {
    model: Option<ModelPattern>,
    origin: Option<String>,
}

impl Wanted {
    fn of(args: &ListArgs) -> Result<Self, String> {
        let pattern = |text: &str| {
            let pattern = ModelPattern::from_text(text);
            pattern.map_err(|reason| format!("--model {reason}"))
        };
        let origin = |text: &str| {
            let url = BaseUrl::parse(text).map_err(|error| format!("--origin: {error}"))?;
            Ok::<_, String>(plain(url.origin()))
        };
        Ok(Wanted {
            model: args.model.as_deref().map(pattern).transpose()?,
            origin: args.origin.as_deref().map(origin).transpose()?,
        })
    }

    fn fits(&self, model: &str, is_sold_at: impl Fn(&str) -> bool) -> bool {
        let pattern = self.model.as_ref();
        let origin = self.origin.as_deref();
        pattern.is_none_or(|it| it.permits(Some(model))) && origin.is_none_or(is_sold_at)
    }
}

struct Row {
    source: &'static str,
    model: String,
    prices: Value,
    text: String,
}

impl Row {
    fn new(source: &'static str, model: String, sheet: &Sheet) -> Self {
        let now = Timestamp::now();
        Row {
            source,
            model,
            prices: sheet.shown(now),
            text: sheet.line(now),
        }
    }

    fn json(&self) -> Value {
        json!({ "source": self.source, "model": self.model, "prices": self.prices })
    }

    fn line(&self) -> String {
        format!("{}  {}  {}", self.source, self.model, self.text)
    }
}

fn rows(wanted: &Wanted, prices: &Prices) -> Vec<Row> {
    let own = prices.overrides().iter();
    let own = own.filter(|it| it.model_fits(wanted.model.as_ref(), wanted.origin.as_deref()));
    let mut rows: Vec<Row> = own
        .map(|it: &Override| Row::new("settings", it.name(), &it.sheet))
        .collect();
    let name = |provider: &str, model: &str| format!("{provider}/{model}");
    if let Some(file) = prices.file() {
        let models = file.models();
        let fitting = models.filter(|(provider, model, _)| {
            wanted.fits(model, |origin| file.sells(origin, provider))
        });
        rows.extend(sorted(fitting.map(|(provider, model, sheet)| {
            Row::new("file", name(provider, model), sheet)
        })));
    }
    if let Some(table) = built_in::TABLE.get().as_ref() {
        let fitting = table.models().filter(|(provider, model, _)| {
            wanted.fits(model, |origin| table.sells(origin, provider))
        });
        rows.extend(sorted(fitting.map(|(provider, model, sheet)| {
            Row::new("built_in", name(provider, model), sheet)
        })));
    }
    rows
}

fn sorted(rows: impl Iterator<Item = Row>) -> Vec<Row> {
    let mut rows: Vec<Row> = rows.collect();
    rows.sort_by(|one, other| one.model.cmp(&other.model));
    rows
}
