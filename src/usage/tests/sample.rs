//! Responses as the fixtures and tables of these tests have them, and how they are read.

use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
};

use actix_http::header::{self, HeaderMap, HeaderName, HeaderValue};
use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue as EventValue, Message};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use crate::{
    endpoint::UsagePlaces,
    usage::{Expected, Reading, UsageReader},
};

/// One response.
#[derive(Clone)]
pub struct Sample {
    pub name: String,
    pub method: String,
    pub path: String,
    pub status: u16,
    pub headers: HeaderMap,
    pub places: Option<UsagePlaces>,
    pub is_websocket: bool,
    pub is_whole: bool,
    pub body: Vec<u8>,
    /// What is read of it, as in [`shown`].
    pub reading: Value,
}

/// The response of an invented chat with this body.
pub fn chat(content_type: &str, body: &[u8]) -> Sample {
    let mut headers = HeaderMap::new();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_str(content_type).unwrap(),
    );
    Sample {
        name: String::new(),
        method: "POST".to_owned(),
        path: "/v1/chat/completions".to_owned(),
        status: 200,
        headers,
        places: None,
        is_websocket: false,
        is_whole: true,
        body: body.to_vec(),
        reading: Value::Null,
    }
}

impl Sample {
    pub fn reader(&self) -> Option<UsageReader> {
        UsageReader::new(&Expected {
            method: &self.method,
            path: &self.path,
            operation: crate::usage::operation(&self.method, &self.path),
            status: self.status,
            headers: &self.headers,
            places: self.places.as_ref(),
            is_websocket: self.is_websocket,
        })
    }

    /// What is read of it in these pieces.
    pub fn read(&self, pieces: &[&[u8]]) -> Value {
        let Some(mut reader) = self.reader() else {
            return Value::Null;
        };
        pieces.iter().for_each(|piece| reader.feed(piece));
        shown(&reader.finish(self.is_whole))
    }

    pub fn read_at_once(&self) -> Value {
        self.read(&[&self.body])
    }
}

/// A reading as JSON, without what is unknown.
pub fn shown(reading: &Reading) -> Value {
    let shown = json!({
        "model": reading.model,
        "response_id": reading.response_id,
        "finish_reason": reading.finish_reason,
        "service_tier": reading.service_tier,
        "chunks": reading.chunks,
        "longest_input": reading.longest_input,
        "flaw": reading.flaw,
        "usage": reading.usage,
    });
    without_nulls(shown)
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(entries) => {
            let known = entries.into_iter().filter(|(_, value)| !value.is_null());
            known
                .map(|(key, value)| (key, without_nulls(value)))
                .collect()
        }
        other => other,
    }
}

/// All responses of `fixtures/usage`. Each is beside a file that says how it came and what is read
/// of it. `.ws` has a message in each line, `.aws` the type and the payload of an event.
pub fn all() -> &'static [Sample] {
    static ALL: OnceLock<Vec<Sample>> = OnceLock::new();
    ALL.get_or_init(read_all)
}

fn read_all() -> Vec<Sample> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/usage");
    let files = entries(&root)
        .into_iter()
        .flat_map(|folder| entries(&folder));
    let responses = files.filter(|file| file.extension().is_some_and(|it| it != "expected"));
    let mut samples: Vec<_> = responses.map(|file| read(&file)).collect();
    samples.sort_by(|one, other| one.name.cmp(&other.name));
    samples
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn read(file: &Path) -> Sample {
    let text = std::fs::read(file.with_extension("expected")).unwrap();
    let told: Map<String, Value> = serde_json::from_slice(&text).unwrap();
    let extension = file.extension().unwrap().to_str().unwrap();
    let body = std::fs::read(file).unwrap();
    let (content_type, body) = match extension {
        "json" => ("application/json; charset=utf-8", body),
        "sse" => ("text/event-stream", body),
        "ndjson" => ("application/x-ndjson", body),
        "aws" => ("application/vnd.amazon.eventstream", lines(&body, frame)),
        "ws" => ("", lines(&body, message)),
        other => panic!("{other}: unknown"),
    };
    let text = |key: &str, default: &str| {
        told.get(key)
            .map_or(default, |it| it.as_str().unwrap())
            .to_owned()
    };
    let mut sample = chat(content_type, &body);
    for (name, value) in told
        .get("headers")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let name = HeaderName::try_from(name.as_str()).unwrap();
        sample.headers.insert(
            name,
            HeaderValue::from_str(value.as_str().unwrap()).unwrap(),
        );
    }
    sample.name = file.display().to_string();
    sample.is_websocket = extension == "ws";
    sample.method = text("method", if sample.is_websocket { "GET" } else { "POST" });
    sample.path = text("path", "");
    sample.status = told
        .get("status")
        .map_or(200, |it| it.as_u64().unwrap() as u16);
    sample.places = told
        .get("places")
        .map(|it| serde_json::from_value(it.clone()).unwrap());
    sample.is_whole = told.get("whole").is_none_or(|it| it.as_bool().unwrap());
    sample.reading = told["reading"].clone();
    sample
}

fn lines(text: &[u8], each: fn(&str) -> Vec<u8>) -> Vec<u8> {
    let text = std::str::from_utf8(text).unwrap();
    text.lines().flat_map(each).collect()
}

/// A frame of AWS with an event.
pub fn frame(line: &str) -> Vec<u8> {
    let (kind, payload) = line.split_once(' ').unwrap();
    let payload = match kind {
        "chunk" => json!({ "bytes": STANDARD.encode(payload), "p": "abc" }).to_string(),
        _ => payload.to_owned(),
    };
    let text = |value: &str| EventValue::String(value.to_owned().into());
    let message = Message::new(payload)
        .add_header(Header::new(":event-type", text(kind)))
        .add_header(Header::new(":content-type", text("application/json")))
        .add_header(Header::new(":message-type", text("event")));
    let mut bytes = Vec::new();
    write_message_to(&message, &mut bytes).unwrap();
    bytes
}

/// A message of a WebSocket in two frames with a ping between.
pub fn message(text: &str) -> Vec<u8> {
    let (one, other) = text.as_bytes().split_at(text.len() / 2);
    [
        message_frame(0x01, one),
        message_frame(0x89, b"ping"),
        message_frame(0x80, other),
    ]
    .concat()
}

/// A frame of a WebSocket with this first byte.
pub fn message_frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = payload.len();
    let mut bytes = vec![first];
    match length {
        0..126 => bytes.push(length as u8),
        126..0x10000 => {
            bytes.push(126);
            bytes.extend((length as u16).to_be_bytes());
        }
        _ => {
            bytes.push(127);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes.extend(payload);
    bytes
}
