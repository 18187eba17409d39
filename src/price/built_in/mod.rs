//! The price table in the program: the data of the crate genai-prices (MIT, see LICENSE beside),
//! made by `tools/prices`. It is decoded once, when it is first needed.

use std::{io::Read as _, sync::LazyLock};

use flate2::read::GzDecoder;

use super::genai::{GenaiTable, NotATable};

/// The newest day that the data tell of as past.
pub const DATE: &str = "2026-10-21";

const DATA: &[u8] = include_bytes!("prices.json.gz");

static TABLE: LazyLock<Option<GenaiTable>> = LazyLock::new(|| match decode() {
    Ok(table) => Some(table),
    Err(error) => {
        tracing::error!(%error, "the built-in prices cannot be read");
        None
    }
});

/// The table. The first call takes tens of milliseconds.
pub fn table() -> Option<&'static GenaiTable> {
    TABLE.as_ref()
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
