//! Parses one object of a config, a target or a group, and those inside it.

use std::{
    num::{NonZeroU32, NonZeroU64},
    time::Duration,
};

use super::{
    ConfigObjectError, MOST_TARGETS, credential,
    fields::Section,
    object::{At, Object},
    strategy,
    values::Params,
};
use crate::route::{
    Provider,
    condition::WorkBudget,
    config_types::{CacheAsked, Entry},
    limit::{By, Limit, Rate, TokenRate},
    policy::{Auth, Hedge, MOST_ATTEMPTS, MOST_DEPTH, Retry, TimeoutsAsked},
};

type Parsed<T> = Result<T, ConfigObjectError>;

/// Parses a config, counting its targets and the work it asks for.
pub struct Reader {
    targets: usize,
    budget: WorkBudget,
    params: Params,
}

impl Reader {
    pub fn new(params: Params) -> Self {
        Reader {
            targets: 0,
            budget: WorkBudget::default(),
            params,
        }
    }

    pub fn read(&mut self, value: &serde_json::Value, path: &str) -> Parsed<Entry> {
        let at = At {
            value,
            path: path.to_owned(),
        };
        self.entry(&at, 0)
    }

    fn entry(&mut self, at: &At<'_>, depth: usize) -> Parsed<Entry> {
        let object = at.object(Section::Target)?;
        object.read_as("forward_headers", |at| {
            at.items()?
                .iter()
                .try_for_each(|item| item.text().map(|_| ()))
        })?;
        let targets = match object.get("targets") {
            Some(targets) => self.targets(&targets, depth)?,
            None => Vec::new(),
        };
        let budget = &mut self.budget;
        let strategy = object.read_as("strategy", |at| strategy::read(at, &targets, budget))?;
        object.read_as("headers", |at| at.take_keys(&mut self.budget))?;
        object.read_as("override_params", |at| at.take_keys(&mut self.budget))?;
        Ok(Entry {
            name: object.read_as("name", |at| at.text().map(Into::into))?,
            weight: object.read_as("weight", |at| {
                at.number("a number from 0", |weight| {
                    weight.is_finite() && weight >= 0.0
                })
            })?,
            strategy,
            targets,
            provider: object.read_as("provider", provider)?,
            custom_host: object.read_as("custom_host", custom_host)?,
            api_key: object.read_as("api_key", At::secret)?,
            auth: object.read_as("auth", auth)?,
            credential: object.read_as("credential", |at| {
                credential::of_target(at, &object, self.params)
            })?,
            headers: object.read_as("headers", At::headers)?.unwrap_or_default(),
            forward_authorization: object.read_as("forward_authorization", At::boolean)?,
            override_params: object
                .read_as("override_params", |at| at.params(self.params))?
                .unwrap_or_default(),
            retry: object.read_as("retry", retry)?,
            request_timeout: object.read_as("request_timeout", At::milliseconds)?,
            timeouts: object.read_as("timeouts", timeouts)?,
            strict_end: object.read_as("strict_end", At::boolean)?,
            hedge: object.read_as("hedge", hedge)?,
            cache: object.read_as("cache", cache)?,
            rate_limit: object.read_as("rate_limit", limit)?,
        })
    }

    fn targets(&mut self, at: &At<'_>, depth: usize) -> Parsed<Vec<Entry>> {
        let items = at.items()?;
        if items.is_empty() {
            return at.refuse("must hold at least one target");
        }
        if depth + 1 > MOST_DEPTH {
            return at.refuse(format!("nests more than {MOST_DEPTH} deep"));
        }
        self.targets += items.len();
        if self.targets > MOST_TARGETS {
            return at.refuse(format!("makes more than {MOST_TARGETS} targets in all"));
        }
        items
            .iter()
            .map(|item| self.entry(item, depth + 1))
            .collect()
    }
}

fn provider(at: &At<'_>) -> Parsed<Provider> {
    match Provider::parse(at.text()?) {
        Some(provider) => Ok(provider),
        None => at.refuse(format!("must be {}", Provider::EXPECTED)),
    }
}

fn custom_host(at: &At<'_>) -> Parsed<Box<str>> {
    let text = at.text()?;
    let scheme = text.split_once("://").map(|(scheme, _)| scheme);
    let absolute = scheme.is_some_and(|scheme| {
        scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
    });
    match absolute && text.len() <= 2048 {
        true => Ok(text.into()),
        false => at.refuse("must be an absolute http or https URL, such as https://my.vllm.com/v1"),
    }
}

fn auth(at: &At<'_>) -> Parsed<Auth> {
    let object = at.object(Section::Auth)?;
    let Some(header) = object.read_as("header", At::header_name)? else {
        return at.refuse("needs header, the name of the header that carries the key");
    };
    let scheme = object.read_as("scheme", |at| {
        let text = at.text()?;
        match text.bytes().all(|byte| byte.is_ascii_graphic()) {
            true => Ok(text.into()),
            false => at.refuse("must be one word of visible ASCII characters"),
        }
    })?;
    Ok(Auth { header, scheme })
}

fn retry(at: &At<'_>) -> Parsed<Retry> {
    let object = at.object(Section::Retry)?;
    let default = Retry::default();
    let attempts = object.read_as("attempts", |at| at.whole(0, u64::from(MOST_ATTEMPTS)))?;
    let header = object.read_as("use_retry_after_header", At::boolean)?;
    Ok(Retry {
        attempts: attempts.map_or(default.attempts, |attempts| attempts as u32),
        on_status_codes: object
            .read_as("on_status_codes", At::codes)?
            .unwrap_or(default.on_status_codes),
        use_retry_after_header: header.unwrap_or_default(),
    })
}

fn timeouts(at: &At<'_>) -> Parsed<TimeoutsAsked> {
    let object = at.object(Section::Timeouts)?;
    let time = |object: &Object<'_>, name| object.read_as(name, At::milliseconds);
    Ok(TimeoutsAsked {
        connect: time(&object, "connect")?,
        head: time(&object, "head")?,
        first_token: time(&object, "first_token")?,
        idle: time(&object, "idle")?,
        total: time(&object, "total")?,
    })
}

fn hedge(at: &At<'_>) -> Parsed<Hedge> {
    let object = at.object(Section::Hedge)?;
    let Some(after) = object.read_as("after", At::milliseconds)? else {
        return at.refuse("needs after, the milliseconds to wait for the first request");
    };
    let share =
        |at: &At<'_>| at.number("a number from 0 to 1", |ratio| (0.0..=1.0).contains(&ratio));
    let max_ratio = object.read_as("max_ratio", share)?;
    Ok(Hedge {
        after,
        max_ratio: max_ratio.unwrap_or(Hedge::DEFAULT_MAX_RATIO),
    })
}

/// Parses `cache` of a config or of the settings; `false` turns it off.
pub fn cache(at: &At<'_>) -> Parsed<CacheAsked> {
    match at.value.as_bool() {
        Some(false) => return Ok(CacheAsked::Off),
        Some(true) => {
            return Ok(CacheAsked::On {
                max_age: None,
                namespace: None,
            });
        }
        None => {}
    }
    let object = at.object(Section::Cache)?;
    object.read_as("mode", |at| match at.text()? {
        "simple" => Ok(()),
        "semantic" => at.refuse("may only be simple: semantic is not available in this version"),
        _ => at.refuse("must be simple"),
    })?;
    Ok(CacheAsked::On {
        max_age: object.read_as("max_age", At::seconds)?,
        namespace: object.read_as("namespace", namespace)?,
    })
}

/// With the same rules as `x-gateway-cache-namespace`.
fn namespace(at: &At<'_>) -> Parsed<Box<str>> {
    let text = at.text()?;
    let fits = (1..=128).contains(&text.len());
    match fits && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Ok(text.into()),
        false => at.refuse("must be 1 to 128 visible ASCII characters without spaces"),
    }
}

/// What can be counted without an error.
const MOST_TOKENS: u64 = 1_000_000_000_000_000;

/// Parses a limit of a config or of the settings' list.
pub fn limit(at: &At<'_>) -> Parsed<Limit> {
    let object = at.object(Section::RateLimit)?;
    let count = |at: &At<'_>| {
        let count = at.whole(1, u64::from(u32::MAX))?;
        Ok(u32::try_from(count).ok().and_then(NonZeroU32::new))
    };
    let requests = object.read_as("requests", count)?.flatten();
    let concurrent = object.read_as("concurrent", count)?.flatten();
    let window = object.read_as("window", window)?;
    let burst = object.read_as("burst", count)?.flatten();
    let tokens = object.read_as("tokens", |at| {
        let count = at.whole(1, MOST_TOKENS)?;
        Ok(NonZeroU64::new(count))
    })?;
    let tokens = tokens.flatten();
    if requests.is_none() && tokens.is_none() && concurrent.is_none() {
        return at.refuse("needs requests, tokens or concurrent, or several of them");
    }
    if requests.is_none() && (burst.is_some() || (window.is_some() && tokens.is_none())) {
        return at.refuse("has a window or a burst, but no requests");
    }
    let window = window.unwrap_or(Duration::from_secs(60));
    let by = object.read_as("by", |at| match By::parse(at.text()?) {
        Some(by) => Ok(by),
        None => at.refuse(format!("must be {}", By::EXPECTED)),
    })?;
    let rate = requests.map(|requests| Rate {
        requests,
        window,
        burst: burst.unwrap_or(requests),
    });
    if rate.is_some_and(|rate| rate.refill() > Rate::LONGEST_REFILL) {
        return at.refuse("has a burst that takes more than a year to refill");
    }
    Ok(Limit {
        rate,
        tokens: tokens.map(|tokens| TokenRate { tokens, window }),
        concurrent,
        by: by.unwrap_or(By::Caller),
    })
}

/// Parses `1m`, `30s`, or whole milliseconds.
fn window(at: &At<'_>) -> Parsed<Duration> {
    let text = match at.value {
        serde_json::Value::Number(number) => number.to_string(),
        _ => at.text()?.to_owned(),
    };
    let digits = text.find(|sign: char| !sign.is_ascii_digit());
    let (count, unit) = text.split_at(digits.unwrap_or(text.len()));
    let factor = match unit {
        "" | "ms" => 1,
        "s" => 1000,
        "m" => 60 * 1000,
        "h" => 3600 * 1000,
        "d" => 24 * 3600 * 1000,
        _ => 0,
    };
    let milliseconds = count
        .parse::<u64>()
        .ok()
        .and_then(|it| it.checked_mul(factor));
    let window = milliseconds.map(Duration::from_millis);
    match window.filter(|it| !it.is_zero() && *it <= Rate::LONGEST_WINDOW) {
        Some(window) => Ok(window),
        None => at.refuse(
            "must be a duration such as 500ms, 30s, 1m, 2h or 1d, \
             or whole milliseconds; at most a day",
        ),
    }
}
