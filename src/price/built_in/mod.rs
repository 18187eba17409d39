//! The price table in the program: the data of the crate genai-prices (MIT, see LICENSE beside),
//! made by `tools/prices`. It is decoded once, when it is first needed.

mod prepared;

use std::io::Read as _;

use flate2::read::GzDecoder;

use self::prepared::Prepared;
use super::genai::{GenaiTable, NotATable};

/// The newest day that the data tell of as past.
pub const DATE: &str = "2026-10-21";

const DATA: &[u8] = include_bytes!("prices.json.gz");

/// The table; `None` within: it cannot be read. Making it takes tens of milliseconds.
pub static TABLE: Prepared<Option<GenaiTable>> = Prepared::new(decoded);

fn decoded() -> Option<GenaiTable> {
    let failed = |error| tracing::error!(%error, "the built-in prices cannot be read");
    decode().map_err(failed).ok()
}

#[derive(Debug, thiserror::Error)]
enum Damaged {
    #[error(transparent)]
    Compressed(#[from] std::io::Error),
    #[error(transparent)]
    Table(#[from] NotATable),
}

fn decode() -> Result<GenaiTable, Damaged> {
    let mut json = Vec::new();
    GzDecoder::new(DATA).read_to_end(&mut json)?;
    Ok(GenaiTable::parse(&json)?)
}
