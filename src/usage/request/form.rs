//! What does the beginning of a form say: of an upload of sound or images, with its model beside.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::{FutureExt as _, stream};
use multer::Multipart;

use super::{RequestFacts, count, named};

/// Fields of an upload that are looked at.
const MOST_FIELDS: usize = 64;
/// Longer fields are files.
const LONGEST_FIELD: usize = 1024;

/// The body is a form with parts.
pub fn is_form(content_type: &[u8]) -> bool {
    const FORM: &[u8] = b"multipart/form-data";
    let start = content_type.trim_ascii().get(..FORM.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(FORM))
}

/// The facts in its fields, as far as they come before the body's end or a part that is cut.
pub fn facts(content_type: &[u8], body_start: &[u8]) -> RequestFacts {
    let mut facts = RequestFacts::default();
    let text = std::str::from_utf8(content_type).unwrap_or_default();
    let Ok(boundary) = multer::parse_boundary(text) else {
        return facts;
    };
    let body = Bytes::copy_from_slice(body_start);
    // Reading never waits, since all of it is there.
    let read = read(
        Multipart::new(stream::iter([Ok::<_, Infallible>(body)]), boundary),
        &mut facts,
    );
    let _ = read.now_or_never();
    facts
}

async fn read(mut form: Multipart<'_>, facts: &mut RequestFacts) {
    for _ in 0..MOST_FIELDS {
        let Ok(Some(field)) = form.next_field().await else {
            return;
        };
        let Some(name) = field.name().map(str::to_owned) else {
            continue;
        };
        let Ok(value) = field.bytes().await else {
            return;
        };
        if value.len() > LONGEST_FIELD {
            continue;
        }
        let value = std::str::from_utf8(&value).unwrap_or_default().trim();
        match &*name {
            "model" | "model_id" => facts.model = named(value).or(facts.model.take()),
            "stream" => facts.is_stream = value.parse().ok(),
            "n" => facts.choices = count(value.as_bytes()),
            _ => {}
        }
    }
}
