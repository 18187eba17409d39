//! Reads conditions. Errors name the place below the query and what is allowed, and repeat no value.

use std::cmp::Ordering;

use regex::{Regex, RegexBuilder};
use serde_json::{Map, Value};

use super::{Condition, Field, Term, Test};

/// How deep `$and` and `$or` may nest.
const MOST_DEPTH: usize = 16;
/// Bytes of a pattern, and of its compiled form.
const LONGEST_PATTERN: usize = 1024;
pub(super) const LARGEST_PATTERN: usize = 1 << 20;

const OPERATORS: &str = "$eq, $ne, $gt, $gte, $lt, $lte, $in, $nin, $regex";

/// The place below the query, and the reason.
type Refused = (String, String);

impl Condition {
    /// Reads a `query`.
    ///
    /// # Errors
    /// The place below the query (such as `$and[0].params.x.$gt`) and what is allowed there.
    pub fn parse(query: &Value) -> Result<Self, (String, String)> {
        object(query, 0, "").map(Condition)
    }
}

impl Field {
    /// Reads a field's name.
    ///
    /// # Errors
    /// What is allowed.
    pub fn parse(text: &str) -> Result<Self, String> {
        let named = |prefix: &str| text.strip_prefix(prefix).filter(|rest| !rest.is_empty());
        if let Some(key) = named("metadata.") {
            return Ok(Field::Metadata(key.into()));
        }
        if let Some(name) = named("headers.") {
            return Ok(Field::Header(name.to_ascii_lowercase().into()));
        }
        if let Some(path) = named("params.") {
            return Ok(Field::Param(path.split('.').map(Into::into).collect()));
        }
        match text {
            "method" => Ok(Field::Method),
            "url.pathname" => Ok(Field::Path),
            _ => Err("is no field; allowed: metadata.NAME, params.NAME (with dots for what lies deeper), headers.NAME, \
                      method, url.pathname"
                .to_owned()),
        }
    }
}

fn refused<T>(place: &str, reason: impl Into<String>) -> Result<T, Refused> {
    Err((place.to_owned(), reason.into()))
}

fn below(place: &str, part: &str) -> String {
    match place {
        "" => part.to_owned(),
        _ => format!("{place}.{part}"),
    }
}

fn object(query: &Value, depth: usize, place: &str) -> Result<Term, Refused> {
    let Some(query) = query.as_object() else {
        return refused(
            place,
            "must be an object of fields and what is asked of them",
        );
    };
    if query.is_empty() {
        return refused(place, "must ask something");
    }
    if depth > MOST_DEPTH {
        return refused(place, format!("nests more than {MOST_DEPTH} deep"));
    }
    let terms = query
        .iter()
        .map(|(key, value)| entry(key, value, depth, place));
    let mut terms = terms.collect::<Result<Vec<_>, _>>()?;
    Ok(match terms.len() {
        1 => terms.remove(0),
        _ => Term::All(terms),
    })
}

fn entry(key: &str, value: &Value, depth: usize, place: &str) -> Result<Term, Refused> {
    let here = below(place, key);
    match key {
        "$and" => list(value, depth, &here).map(Term::All),
        "$or" => list(value, depth, &here).map(Term::Any),
        _ if key.starts_with('$') => refused(
            &here,
            "is no operator here; allowed: $and, $or, or the name of a field",
        ),
        _ => match Field::parse(key) {
            Ok(field) => tests(&field, value, &here),
            Err(reason) => refused(&here, reason),
        },
    }
}

fn list(value: &Value, depth: usize, place: &str) -> Result<Vec<Term>, Refused> {
    match value.as_array() {
        Some(items) if !items.is_empty() => {
            let terms = items.iter().enumerate();
            terms
                .map(|(at, item)| object(item, depth + 1, &format!("{place}[{at}]")))
                .collect()
        }
        _ => refused(place, "must be a list of at least one object"),
    }
}

fn tests(field: &Field, value: &Value, place: &str) -> Result<Term, Refused> {
    let Some(operators) = value.as_object() else {
        let test = scalar(value, place).map(Test::Is)?;
        return Ok(Term::Test(field.clone(), test));
    };
    if operators.is_empty() {
        return refused(place, format!("must have an operator: {OPERATORS}"));
    }
    operators_of(field, operators, place)
}

fn operators_of(
    field: &Field,
    operators: &Map<String, Value>,
    place: &str,
) -> Result<Term, Refused> {
    let terms = operators.iter().map(|(operator, value)| {
        let test = test(operator, value, &below(place, operator))?;
        Ok(Term::Test(field.clone(), test))
    });
    let mut terms = terms.collect::<Result<Vec<_>, Refused>>()?;
    Ok(match terms.len() {
        1 => terms.remove(0),
        _ => Term::All(terms),
    })
}

fn test(operator: &str, value: &Value, place: &str) -> Result<Test, Refused> {
    use Ordering::{Equal, Greater, Less};
    let compares = |outcomes| bound(value, place).map(|bound| Test::Compares(bound, outcomes));
    match operator {
        "$eq" => scalar(value, place).map(Test::Is),
        "$ne" => scalar(value, place).map(Test::IsNot),
        "$gt" => compares(&[Greater]),
        "$gte" => compares(&[Greater, Equal]),
        "$lt" => compares(&[Less]),
        "$lte" => compares(&[Less, Equal]),
        "$in" => scalars(value, place).map(Test::In),
        "$nin" => scalars(value, place).map(Test::NotIn),
        "$regex" => pattern(value, place).map(Test::Matches),
        _ => refused(place, format!("is no operator; allowed: {OPERATORS}")),
    }
}

fn scalar(value: &Value, place: &str) -> Result<Value, Refused> {
    match value {
        Value::Array(_) | Value::Object(_) => {
            refused(place, "must be a text, a number, true, false or null")
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(value.clone()),
    }
}

fn bound(value: &Value, place: &str) -> Result<Value, Refused> {
    match value {
        Value::Number(_) | Value::String(_) => Ok(value.clone()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            refused(place, "must be a number or a text")
        }
    }
}

fn scalars(value: &Value, place: &str) -> Result<Vec<Value>, Refused> {
    let Some(items) = value.as_array() else {
        return refused(place, "must be a list");
    };
    let items = items.iter().enumerate();
    items
        .map(|(at, item)| scalar(item, &format!("{place}[{at}]")))
        .collect()
}

fn pattern(value: &Value, place: &str) -> Result<Regex, Refused> {
    let Some(text) = value.as_str() else {
        return refused(place, "must be a text");
    };
    if text.len() > LONGEST_PATTERN {
        return refused(place, format!("must have at most {LONGEST_PATTERN} bytes"));
    }
    let compiled = RegexBuilder::new(text).size_limit(LARGEST_PATTERN).build();
    compiled.or_else(|error| {
        let reason = match error {
            regex::Error::CompiledTooBig(_) => "is too large once compiled",
            _ => "is no regular expression of the linear-time kind (no look-around, no back-references)",
        };
        refused(place, reason)
    })
}
