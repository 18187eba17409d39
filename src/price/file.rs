//! `prices.file`: a table of the operator's choice, in the format of genai-prices or of LiteLLM.
//! Which of the two it is, its shape says.

use std::{
    collections::BTreeMap,
    fmt, fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use jiff::Timestamp;
use serde_json::Value;
use xxhash_rust::xxh3::xxh3_128;

use super::{
    genai::{GenaiTable, NotATable},
    litellm::{LiteLlmTable, NotAPrice},
    sheet::Sheet,
};

/// Largest file in bytes; LiteLLM's has some 3 MB.
const MAX_FILE: u64 = 64 << 20;

/// A table that was read from a file.
pub struct PriceFile {
    pub path: PathBuf,
    /// The day on which the file was written.
    pub date: Arc<str>,
    digest: u128,
    table: Table,
}

enum Table {
    Genai(Box<GenaiTable>),
    LiteLlm(LiteLlmTable),
}

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
    #[error("it is not JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("{0}")]
    Genai(#[from] NotATable),
    #[error("{0}")]
    LiteLlm(#[from] NotAPrice),
    #[error(
        "it is neither a genai-prices file (a list of providers) nor LiteLLM's \
         model_prices_and_context_window.json (an object of models)"
    )]
    Shape,
}

impl PriceFile {
    /// Reads a file. It may be large: not for a thread that serves requests.
    ///
    /// # Errors
    /// It cannot be used.
    pub fn read(path: &Path) -> Result<Self, Unusable> {
        let (bytes, written) = content(path)?;
        Self::parse(path, &bytes, written)
    }

    /// Like [`PriceFile::read`], with the file's content at hand.
    ///
    /// # Errors
    /// It cannot be used.
    pub fn parse(path: &Path, bytes: &[u8], written: SystemTime) -> Result<Self, Unusable> {
        let table = match serde_json::from_slice(bytes)? {
            Value::Array(_) => Table::Genai(Box::new(GenaiTable::parse(bytes)?)),
            Value::Object(models) if LiteLlmTable::is_shape_of(&models) => {
                Table::LiteLlm(LiteLlmTable::read(&models)?)
            }
            _ => return Err(Unusable::Shape),
        };
        Ok(PriceFile {
            path: path.to_owned(),
            date: day(written),
            digest: xxh3_128(bytes),
            table,
        })
    }

    /// The sheet of a model at an origin.
    pub fn find(&self, origin: &str, model: &str) -> Option<Arc<Sheet>> {
        match &self.table {
            Table::Genai(table) => table.find(origin, model),
            Table::LiteLlm(table) => table.find(origin, model),
        }
    }

    /// Whether a provider of the file sells its models at an origin.
    pub fn sells(&self, origin: &str, provider: &str) -> bool {
        match &self.table {
            Table::Genai(table) => table.sells(origin, provider),
            Table::LiteLlm(table) => table.sells(origin, provider),
        }
    }

    /// The format's name.
    pub fn format(&self) -> &'static str {
        match &self.table {
            Table::Genai(_) => "genai-prices",
            Table::LiteLlm(_) => "litellm",
        }
    }

    /// All models, with their providers in the words of the file.
    pub fn models(&self) -> Box<dyn Iterator<Item = (&str, &str, &Sheet)> + '_> {
        match &self.table {
            Table::Genai(table) => Box::new(table.models()),
            Table::LiteLlm(table) => Box::new(table.models()),
        }
    }

    /// What the file has and the gateway does not count, with how often it has it.
    pub fn ignored(&self) -> &BTreeMap<String, usize> {
        match &self.table {
            Table::Genai(table) => table.ignored(),
            Table::LiteLlm(table) => table.ignored(),
        }
    }
}

/// What is in a file, and when it was written.
pub(super) fn content(path: &Path) -> io::Result<(Vec<u8>, SystemTime)> {
    let file = fs::File::open(path)?;
    let written = file.metadata()?.modified()?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > MAX_FILE {
        true => Err(io::ErrorKind::FileTooLarge.into()),
        false => Ok((bytes, written)),
    }
}

/// Two files are the same if what is in them is.
impl PartialEq for PriceFile {
    fn eq(&self, other: &Self) -> bool {
        (self.digest, &self.date) == (other.digest, &other.date)
    }
}

impl Eq for PriceFile {}

impl fmt::Debug for PriceFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PriceFile({})", self.path.display())
    }
}

fn day(time: SystemTime) -> Arc<str> {
    let time = Timestamp::try_from(time).unwrap_or_default();
    time.strftime("%Y-%m-%d").to_string().into()
}
