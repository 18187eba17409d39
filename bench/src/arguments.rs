//! `--name value` pairs as typed values. Unknown names are not refused here: `bench/run` is the
//! only caller.

use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

/// The pairs in their order, so that `--header` may be given more than once.
pub struct Arguments(Vec<(String, String)>);

impl Arguments {
    pub fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut pairs = Vec::new();
        while let Some(word) = words.next() {
            let name = word
                .strip_prefix("--")
                .ok_or(format!("expected --name, got {word}"))?;
            let value = words.next().ok_or(format!("--{name} needs a value"))?;
            pairs.push((name.to_owned(), value));
        }
        Ok(Self(pairs))
    }

    /// A required value of any type that can be read from text.
    pub fn get<T: FromStr>(&self, name: &str) -> Result<T, String> {
        let text = self
            .all(name)
            .next()
            .ok_or(format!("--{name} is missing"))?;
        text.parse()
            .map_err(|_| format!("--{name}: cannot read {text}"))
    }

    /// A required length of time, given in seconds.
    pub fn seconds(&self, name: &str) -> Result<Duration, String> {
        Duration::try_from_secs_f64(self.get(name)?).map_err(|error| format!("--{name}: {error}"))
    }

    /// Where to send: the proxy, or the upstream itself for the direct figures.
    pub fn target(&self) -> Result<SocketAddr, String> {
        self.get("target")
    }

    /// Extra request header lines, each ending in CRLF.
    pub fn header_lines(&self) -> String {
        self.all("header")
            .map(|line| format!("{line}\r\n"))
            .collect()
    }

    /// Processes whose CPU time is counted over the measured window.
    pub fn pids(&self) -> Result<Vec<u32>, String> {
        let lists = self.all("pids").flat_map(|list| list.split(','));
        lists
            .map(|pid| {
                pid.parse()
                    .map_err(|_| format!("--pids: cannot read {pid}"))
            })
            .collect()
    }

    /// Every value given under this name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}
