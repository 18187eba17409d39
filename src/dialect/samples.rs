//! The streams of `fixtures/streams`, and functions that cut them, for tests.

use proptest::sample::Index;

use super::Dialect;
use crate::golden::files;

const FOLDERS: [(&str, Dialect); 4] = [
    ("chat", Dialect::Chat),
    ("responses", Dialect::Responses),
    ("anthropic", Dialect::Anthropic),
    ("gemini", Dialect::Gemini),
];

pub struct Sample {
    pub dialect: Dialect,
    /// Such as `chat/text`: the folder gives the dialect, the file's last word how the stream
    /// begins.
    pub name: String,
    pub bytes: Vec<u8>,
}

pub fn all() -> Vec<Sample> {
    let of = |(folder, dialect)| {
        let files = files(&format!("streams/{folder}"), "sse");
        files.into_iter().map(move |(file, bytes)| Sample {
            dialect,
            name: format!("{folder}/{file}"),
            bytes,
        })
    };
    FOLDERS.into_iter().flat_map(of).collect()
}

/// The stream in pieces, cut at these positions.
pub fn cut<'s>(stream: &'s [u8], cuts: &[Index]) -> Vec<&'s [u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
    places.extend([0, stream.len()]);
    places.sort_unstable();
    places
        .windows(2)
        .map(|pair| &stream[pair[0]..pair[1]])
        .collect()
}
