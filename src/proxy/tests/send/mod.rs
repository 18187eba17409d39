//! What is sent, where and when, and which response the client gets.

mod breaker;
mod hedge;
mod next;
mod timeouts;

use super::*;

/// One request, the script it meets, and what comes of it.
struct Row {
    name: &'static str,
    settings: &'static str,
    ask: Ask,
    scenes: Vec<Scene>,
    leaves: Option<Duration>,
    status: u16,
    error: &'static str,
    sent: Vec<(u16, RangeInclusive<u64>)>,
    head_after: Option<u64>,
    header: (&'static str, &'static str),
}

/// A 200 from the first target, which alone is asked, unless the row says otherwise.
fn row(
    name: &'static str,
    config: impl Into<String>,
    scenes: impl IntoIterator<Item = Scene>,
) -> Row {
    Row {
        name,
        settings: "",
        ask: chat(config),
        scenes: scenes.into_iter().collect(),
        leaves: None,
        status: 200,
        error: "",
        sent: vec![(1, about(0))],
        head_after: None,
        header: ("x-gateway-error", ""),
    }
}

impl Row {
    fn asking(mut self, change: impl FnOnce(Ask) -> Ask) -> Self {
        self.ask = change(self.ask);
        self
    }

    fn settings(self, settings: &'static str) -> Self {
        Row { settings, ..self }
    }

    fn leaving(mut self, after: Duration) -> Self {
        self.leaves = Some(after);
        self
    }

    fn status(self, status: u16) -> Self {
        Row { status, ..self }
    }

    fn refused(mut self, status: u16, error: &'static str) -> Self {
        (self.status, self.error) = (status, error);
        self.header = ("x-gateway-error", error);
        self
    }

    /// The requests: port, and milliseconds after the first.
    fn sent(mut self, sent: &[(u16, u64)]) -> Self {
        let sent = sent.iter();
        self.sent = sent.map(|(port, at)| (*port, about(*at))).collect();
        self
    }

    /// One more request, at a time that dice decide.
    fn and_within(mut self, port: u16, within: RangeInclusive<u64>) -> Self {
        self.sent.push((port, within));
        self
    }

    /// When the head comes, in milliseconds.
    fn at(mut self, ms: u64) -> Self {
        self.head_after = Some(ms);
        self
    }

    fn telling(self, name: &'static str, value: &'static str) -> Self {
        let header = (name, value);
        Row { header, ..self }
    }

    /// What came of it, and whether that is what the row says.
    async fn play(self) -> Result<(), String> {
        let harness = Harness::with_settings(self.settings, self.scenes);
        let mut client = harness.connect();
        client.leaves = self.leaves;
        let got = client.ask(self.ask).await;
        let sent = harness.sent();
        let pairs = || sent.iter().zip(&self.sent);
        let as_expected = (got.status, got.error()) == (self.status, self.error)
            && sent.len() == self.sent.len()
            && pairs().all(|((port, at), (its, within))| port == its && within.contains(at))
            && self
                .head_after
                .is_none_or(|at| about(at).contains(&got.head_after))
            && got.header(self.header.0) == self.header.1;
        match as_expected {
            true => Ok(()),
            false => Err(format!("{}: sent {sent:?}, got {got:?}", self.name)),
        }
    }
}

/// Plays every row, and tells of all that went otherwise.
async fn check(rows: impl IntoIterator<Item = Row>) {
    tokio::time::pause();
    let mut otherwise = Vec::new();
    for row in rows {
        otherwise.extend(row.play().await.err());
    }
    assert!(otherwise.is_empty(), "{}", otherwise.join("\n"));
}
