//! `throughway explain`: where would this request go? Plans it as the gateway would, resolves
//! names, and sends nothing.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use serde_json::Value;

use super::args::ExplainArgs;
use crate::{
    config::{ConfigError, Environment, Settings},
    error::GatewayError,
    gateway::UnusableSettings,
    proxy::{
        PlanCache, Vetter,
        explain::{DescribedRequest, Lines},
    },
    server::Program,
};

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error(transparent)]
    Settings(#[from] ConfigError),
    #[error(transparent)]
    Unusable(#[from] UnusableSettings),
    #[error("a header is written `name: value`")]
    Header,
    #[error("cannot read {file}: {source}")]
    Data { file: String, source: io::Error },
    #[error("{status}: {0}", status = .0.code.status())]
    Request(#[from] GatewayError),
}

/// Prints the plan, or the error that the request would get. Returns the exit code: 0 for a plan,
/// 1 for an error.
///
/// # Errors
/// `out` or `err` cannot be written.
pub fn run(
    args: &ExplainArgs,
    environment: &Environment,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<u8> {
    match actix_rt::System::new().block_on(plan(args, environment)) {
        Ok(plan) => {
            out.write_all(&plan)?;
            Ok(0)
        }
        Err(refused) => {
            writeln!(err, "error: {refused}")?;
            Ok(1)
        }
    }
}

async fn plan(args: &ExplainArgs, environment: &Environment) -> Result<Vec<u8>, Refused> {
    let settings = Settings::load(args.config.as_deref(), environment, &args.flags)?;
    let gateway = Program::new(&settings)?.into_gateway();
    let plans = PlanCache::new(gateway.known.clone(), gateway.policy.clone());
    let targets = Vetter::new(gateway.policy.clone(), gateway.process.resolver.clone());
    let imagined = imagined(args)?;
    let explained = imagined.explain(&gateway, &plans, &targets, false).await?;
    Ok(explained.into_body().to_vec())
}

fn imagined(args: &ExplainArgs) -> Result<DescribedRequest, Refused> {
    let body = data(args)?;
    let method = match (&args.method, &body) {
        (Some(method), _) => method.clone(),
        (None, Value::Null) => "GET".to_owned(),
        (None, _) => "POST".to_owned(),
    };
    let mut headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in &args.headers {
        let (name, value) = line.split_once(':').ok_or(Refused::Header)?;
        let lines = headers.entry(name.trim().to_ascii_lowercase()).or_default();
        lines.push(value.trim().to_owned());
    }
    Ok(DescribedRequest {
        method,
        path: args.path.clone(),
        headers: headers
            .into_iter()
            .map(|(name, lines)| (name, Lines::Several(lines)))
            .collect(),
        body,
        key: None,
    })
}

fn data(args: &ExplainArgs) -> Result<Value, Refused> {
    let Some(data) = &args.data else {
        return Ok(Value::Null);
    };
    let text = match data.strip_prefix('@') {
        None => data.clone(),
        Some(file) => std::fs::read_to_string(file).map_err(|source| Refused::Data {
            file: file.to_owned(),
            source,
        })?,
    };
    Ok(Value::String(text))
}
