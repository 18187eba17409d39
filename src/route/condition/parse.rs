//! Parses conditions. Errors give the path within the query and what is allowed, and never repeat a
//! value.

use std::{cmp::Ordering, sync::Arc};

use serde_json::{Map, Value};

use super::{
    Condition, Field, Term, Test, ValueSet, WorkBudget, budget::MOST_PATH_PARTS, pattern::Pattern,
};

/// How deep `$and` and `$or` may nest.
const MOST_DEPTH: usize = 16;

const OPERATORS: &str = "$eq, $ne, $gt, $gte, $lt, $lte, $in, $nin, $regex";

/// The path within the query, and the reason.
type Refused = (String, String);

impl Condition {
    /// Parses a `query`, counting its cost against the config's budget.
    ///
    /// # Errors
    /// The path within the query (such as `$and[0].params.x.$gt`) and what is allowed there.
    pub fn parse(query: &Value, budget: &mut WorkBudget) -> Result<Self, (String, String)> {
        let term = Reader { budget }.object(query, 0, "")?;
        Ok(Condition(Arc::new(term)))
    }
}

impl Field {
    /// Parses a field's name.
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
            if path.split('.').count() > MOST_PATH_PARTS {
                return Err(format!(
                    "has more than {MOST_PATH_PARTS} parts below params"
                ));
            }
            return Ok(Field::Param(path.split('.').map(Into::into).collect()));
        }
        match text {
            "method" => Ok(Field::Method),
            "url.pathname" => Ok(Field::Path),
            _ => Err(
                "is not a field; allowed: metadata.NAME, params.NAME (with dots \
                      for nested values), headers.NAME, method, url.pathname"
                    .to_owned(),
            ),
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

/// Parses terms, counting them against the config's budget.
struct Reader<'b> {
    budget: &'b mut WorkBudget,
}

impl Reader<'_> {
    fn object(&mut self, query: &Value, depth: usize, place: &str) -> Result<Term, Refused> {
        let Some(query) = query.as_object() else {
            return refused(place, "must be an object of fields and their tests");
        };
        if query.is_empty() {
            return refused(place, "must not be empty");
        }
        if depth > MOST_DEPTH {
            return refused(place, format!("nests more than {MOST_DEPTH} deep"));
        }
        let mut terms = Vec::new();
        for (key, value) in query {
            terms.push(self.entry(key, value, depth, place)?);
        }
        Ok(all(terms))
    }

    fn entry(
        &mut self,
        key: &str,
        value: &Value,
        depth: usize,
        place: &str,
    ) -> Result<Term, Refused> {
        let here = below(place, key);
        match key {
            "$and" => self.list(value, depth, &here).map(Term::All),
            "$or" => self.list(value, depth, &here).map(Term::Any),
            _ if key.starts_with('$') => refused(
                &here,
                "is not an operator here; allowed: $and, $or, or the name of a field",
            ),
            _ => match Field::parse(key) {
                Ok(field) => self.tests(&field, value, &here),
                Err(reason) => refused(&here, reason),
            },
        }
    }

    fn list(&mut self, value: &Value, depth: usize, place: &str) -> Result<Vec<Term>, Refused> {
        match value.as_array() {
            Some(items) if !items.is_empty() => {
                let items = items.iter().enumerate();
                items
                    .map(|(at, item)| self.object(item, depth + 1, &format!("{place}[{at}]")))
                    .collect()
            }
            _ => refused(place, "must be a list of at least one object"),
        }
    }

    fn tests(&mut self, field: &Field, value: &Value, place: &str) -> Result<Term, Refused> {
        let Some(operators) = value.as_object() else {
            self.take_test(place)?;
            let test = scalar(value, place).map(Test::Is)?;
            return Ok(Term::Test(field.clone(), test));
        };
        if operators.is_empty() {
            return refused(place, format!("must have an operator: {OPERATORS}"));
        }
        self.operators_of(field, operators, place)
    }

    fn operators_of(
        &mut self,
        field: &Field,
        operators: &Map<String, Value>,
        place: &str,
    ) -> Result<Term, Refused> {
        let mut terms = Vec::new();
        for (operator, value) in operators {
            let here = below(place, operator);
            self.take_test(&here)?;
            let test = self.test(operator, value, &here)?;
            terms.push(Term::Test(field.clone(), test));
        }
        Ok(all(terms))
    }

    fn test(&mut self, operator: &str, value: &Value, place: &str) -> Result<Test, Refused> {
        use Ordering::{Equal, Greater, Less};
        let compares = |outcomes| bound(value, place).map(|bound| Test::Compares(bound, outcomes));
        match operator {
            "$eq" => scalar(value, place).map(Test::Is),
            "$ne" => scalar(value, place).map(Test::IsNot),
            "$gt" => compares(&[Greater]),
            "$gte" => compares(&[Greater, Equal]),
            "$lt" => compares(&[Less]),
            "$lte" => compares(&[Less, Equal]),
            "$in" => self.set(value, place).map(Box::new).map(Test::In),
            "$nin" => self.set(value, place).map(Box::new).map(Test::NotIn),
            "$regex" => self.pattern(value, place).map(Test::Matches),
            _ => refused(place, format!("is not an operator; allowed: {OPERATORS}")),
        }
    }

    fn set(&mut self, value: &Value, place: &str) -> Result<ValueSet, Refused> {
        let Some(items) = value.as_array() else {
            return refused(place, "must be a list");
        };
        if let Err(reason) = self.budget.take_items(items.len()) {
            return refused(place, reason);
        }
        for (at, item) in items.iter().enumerate() {
            if item.is_array() || item.is_object() {
                scalar(item, &format!("{place}[{at}]"))?;
            }
        }
        Ok(ValueSet::of(items))
    }

    fn pattern(&mut self, value: &Value, place: &str) -> Result<Pattern, Refused> {
        let Some(text) = value.as_str() else {
            return refused(place, "must be a text");
        };
        Pattern::compile(text, self.budget).or_else(|reason| refused(place, reason))
    }

    fn take_test(&mut self, place: &str) -> Result<(), Refused> {
        let taken = self.budget.take_test();
        taken.or_else(|reason| refused(place, reason))
    }
}

fn all(mut terms: Vec<Term>) -> Term {
    match terms.len() {
        1 => terms.remove(0),
        _ => Term::All(terms),
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
