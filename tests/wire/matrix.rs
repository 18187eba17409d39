//! The fault matrix: a fault of the first target in each row, a config in each column, and in each cell what the client sees,
//! who is called how often, and what the reply headers tell. The tables are in the `matrix_*` files beside this one; the
//! expectations are the contract's, section 5. Here is how one cell is tried.

use std::{
    any::Any,
    time::{Duration, Instant},
};

use crate::support::{
    Gate, Gateway, Response, Upstream,
    client::End,
    routing::{base, chat, chunk, config_line},
    show,
};

/// The body that every request carries, so that every target's copy of it can be compared.
const BODY: &str =
    r#"{"model":"m", "stream":true,"messages":[{"role":"user","content":"Gr\u00fc\u00df dich"}] }"#;

/// The answer of the second target, which is well.
const HEALTHY: &str = "data: {\"id\":\"b\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"well\"}}]}\n\ndata: [DONE]\n\n";

/// The first target and what is the matter with it.
pub struct Faulty {
    pub base: String,
    pub calls: Calls,
    /// Timeouts in milliseconds: from the settings where there is no config, else from the config.
    pub timeouts: &'static [(&'static str, u64)],
    /// Lines of the settings file that it needs.
    pub settings: String,
    /// To be opened once the client has these bytes of the fault's own answer.
    pub gate: Option<(Gate, Vec<u8>)>,
    pub keep: Box<dyn Any>,
}

/// How calls are counted.
pub enum Calls {
    /// By whole requests.
    Requests(Upstream),
    /// By connections, where no request can be read.
    Connections(Upstream),
    /// Nobody is there who could count.
    Uncounted,
}

/// Exact to half a second, never early; a retry's back-off is up to 1 s, then up to 2 s.
pub const TIMEOUTS: &[(&str, u64)] = &[("connect", 400), ("head", 700), ("idle", 700)];

impl Faulty {
    /// An upstream whose calls are its requests.
    pub fn upstream(upstream: Upstream) -> Self {
        Faulty {
            base: base(&upstream),
            calls: Calls::Requests(upstream),
            ..Self::at(String::new())
        }
    }

    /// A base URL with nobody behind it who could count.
    pub fn at(base: String) -> Self {
        Faulty {
            base,
            calls: Calls::Uncounted,
            timeouts: TIMEOUTS,
            settings: String::new(),
            gate: None,
            keep: Box::new(()),
        }
    }

    fn assert_called(&self, times: usize, what: &str) {
        let called = match &self.calls {
            Calls::Requests(upstream) => upstream.requests().len(),
            Calls::Connections(upstream) => upstream.connections(),
            Calls::Uncounted => return,
        };
        assert_eq!(called, times, "calls of {what}");
        if let Calls::Requests(upstream) = &self.calls {
            assert_copies(upstream);
        }
    }
}

/// What the client sees.
pub enum Sees {
    /// An answer of the gateway's own: status and code.
    Own(u16, &'static str),
    /// The faulty target's answer, whole: status and body.
    Theirs(u16, Vec<u8>),
    /// Status 200, exactly this much of the faulty target's body, then an aborted transfer.
    Cut(Vec<u8>),
    /// The healthy target's answer, whole.
    Healthy,
}

/// One cell: what the client sees, how often the first and the second target are called, the count of retries told.
pub struct Cell(pub Sees, pub usize, pub usize, pub &'static str);

pub fn own(status: u16, code: &'static str) -> Sees {
    Sees::Own(status, code)
}

pub fn theirs(status: u16, body: impl Into<Vec<u8>>) -> Sees {
    Sees::Theirs(status, body.into())
}

pub fn cut(body: impl Into<Vec<u8>>) -> Sees {
    Sees::Cut(body.into())
}

/// The first target is called once, the second answers.
pub fn moves_on() -> Cell {
    Cell(Sees::Healthy, 1, 1, "0")
}

/// The first target is called once, and what it says is what the client gets.
pub fn stays(sees: Sees) -> Cell {
    Cell(sees, 1, 0, "0")
}

/// One row.
pub struct Row {
    pub fault: fn() -> Faulty,
    /// A custom host and no config.
    pub plain: Cell,
    /// One target with two retries that honours what the provider asks to wait.
    pub retry: Cell,
    /// How long the cell with retries takes, in milliseconds.
    pub retry_takes: (u64, u64),
    /// A fallback to a healthy target.
    pub fallback: Cell,
    /// A fallback from a loadbalance, in which the other target has no weight, to a healthy target.
    pub nested: Cell,
    /// A fallback with a hedge.
    pub hedge: Cell,
    /// A fallback to a second target that has the same fault: the last one's outcome is the client's.
    pub exhausted: Cell,
}

/// The columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    Plain,
    Retry,
    Fallback,
    Nested,
    Hedge,
    Exhausted,
}

/// A test for each cell, in a module for each row.
macro_rules! rows {
    ($($name:ident: $row:expr;)*) => { $(
        mod $name {
            #[allow(unused_imports, reason = "not every row needs all")]
            use super::*;
            use $crate::matrix::{Column, Row, check};

            fn row() -> Row { $row }

            #[test]
            fn without_a_config() { check(Column::Plain, &row()); }
            #[test]
            fn with_retries() { check(Column::Retry, &row()); }
            #[test]
            fn with_a_fallback() { check(Column::Fallback, &row()); }
            #[test]
            fn with_a_fallback_from_a_loadbalance() { check(Column::Nested, &row()); }
            #[test]
            fn with_a_hedge() { check(Column::Hedge, &row()); }
            #[test]
            fn with_a_fallback_to_the_same_fault() { check(Column::Exhausted, &row()); }
        }
    )* };
}
pub(crate) use rows;

impl Row {
    fn cell(&self, column: Column) -> &Cell {
        match column {
            Column::Plain => &self.plain,
            Column::Retry => &self.retry,
            Column::Fallback => &self.fallback,
            Column::Nested => &self.nested,
            Column::Hedge => &self.hedge,
            Column::Exhausted => &self.exhausted,
        }
    }
}

impl Column {
    /// The lines that choose the targets.
    fn lines(self, first: &Faulty, second: &str, weightless: &str) -> String {
        let timeouts: Vec<String> = first
            .timeouts
            .iter()
            .map(|(name, time)| format!("\"{name}\":{time}"))
            .collect();
        let timeouts = format!("\"timeouts\":{{{}}}", timeouts.join(","));
        let (fallback, first) = ("\"strategy\":{\"mode\":\"fallback\"}", &first.base);
        let two = format!("[{{\"custom_host\":\"{first}\"}},{{\"custom_host\":\"{second}\"}}]");
        let config = match self {
            Column::Plain => return format!("x-gateway-custom-host: {first}\r\n"),
            Column::Retry => format!(
                "{{{timeouts},\"custom_host\":\"{first}\",\
                 \"retry\":{{\"attempts\":2,\"use_retry_after_header\":true}}}}"
            ),
            Column::Fallback | Column::Exhausted => {
                format!("{{{fallback},{timeouts},\"targets\":{two}}}")
            }
            Column::Nested => format!(
                "{{{fallback},{timeouts},\"targets\":[{{\"strategy\":{{\"mode\":\"loadbalance\"}},\"targets\":[\
                 {{\"custom_host\":\"{first}\",\"weight\":1}},{{\"custom_host\":\"{weightless}\",\"weight\":0}}]}},\
                 {{\"custom_host\":\"{second}\"}}]}}"
            ),
            Column::Hedge => format!(
                "{{{fallback},{timeouts},\"hedge\":{{\"after\":400,\"max_ratio\":1}},\"targets\":{two}}}"
            ),
        };
        config_line(&config)
    }

    fn settings(self, first: &Faulty) -> String {
        let mut settings = first.settings.clone();
        if self == Column::Plain {
            // `first_token` is the config object's alone.
            let known = first
                .timeouts
                .iter()
                .filter(|(name, _)| *name != "first_token");
            let timeouts: Vec<String> = known
                .map(|(name, time)| format!("{name}: {time}ms"))
                .collect();
            settings.push_str(&format!("timeouts: {{ {} }}\n", timeouts.join(", ")));
        }
        settings
    }

    /// The place of the target that was used last.
    fn option(self, second_was_used: bool) -> &'static str {
        match (self, second_was_used) {
            (Column::Plain | Column::Retry, _) => "config",
            (Column::Nested, false) => "config.targets[0].targets[0]",
            (_, false) => "config.targets[0]",
            (_, true) => "config.targets[1]",
        }
    }
}

/// Tries one cell.
pub fn check(column: Column, row: &Row) {
    let Cell(sees, first_calls, second_calls, retries) = row.cell(column);
    let first = (row.fault)();
    let healthy = healthy();
    let weightless = Upstream::ok();
    let second = match column {
        Column::Exhausted => (row.fault)(),
        _ => Faulty::upstream(healthy),
    };
    let gateway = Gateway::with(&(column.settings(&first) + &same_server(&first, &second)));
    let lines = column.lines(&first, &second.base, &base(&weightless));
    let started = Instant::now();
    let mut client = gateway.client();
    client.send(chat(
        &format!("Authorization: Bearer caller\r\n{lines}"),
        BODY,
    ));
    if let (Some((gate, bytes)), Sees::Theirs(..) | Sees::Cut(_)) = (&first.gate, sees) {
        client.wait_for(bytes);
        gate.open();
    }
    let response = client.response();
    let took = started.elapsed();

    assert_seen(sees, &response);
    first.assert_called(*first_calls, "the first target");
    second.assert_called(*second_calls, "the second target");
    assert_eq!(weightless.connections(), 0, "no weight, no call");
    let told = (response.option(), response.retries());
    assert_eq!(told, (column.option(*second_calls > 0), *retries));
    assert_eq!(response.all("x-gateway-provider"), ["passthrough"]);
    if column == Column::Retry {
        let (least, most) = row.retry_takes;
        let range = Duration::from_millis(least)..Duration::from_millis(most);
        assert!(range.contains(&took), "{took:?}, expected {range:?}");
    }
}

fn healthy() -> Upstream {
    Upstream::answering(format!(
        "{}{}{}",
        crate::support::routing::STREAM,
        chunk(HEALTHY),
        crate::support::routing::LAST
    ))
}

/// Two faulty targets cannot both bring a line of settings; a second one's is for itself alone.
fn same_server(first: &Faulty, second: &Faulty) -> String {
    match first.settings.is_empty() {
        true => second.settings.clone(),
        false => String::new(),
    }
}

fn assert_seen(sees: &Sees, response: &Response) {
    let (status, body, end, error) = match sees {
        Sees::Own(status, code) => {
            crate::support::message::assert_refusal(response, *status, code, "");
            return;
        }
        Sees::Theirs(status, body) => (*status, &body[..], End::Complete, None),
        Sees::Cut(body) => (200, &body[..], End::CutShort, None),
        Sees::Healthy => (200, HEALTHY.as_bytes(), End::Complete, None),
    };
    let seen = (response.status, response.end, response.error());
    assert_eq!(
        seen,
        (status, end, error),
        "{}{}",
        response.head,
        show(&response.body)
    );
    assert!(
        response.body == body,
        "saw {}\nnot {}",
        show(&response.body),
        show(body)
    );
}

/// Every copy of the request is the client's own, byte for byte, and carries the credential: the caller named the origin.
fn assert_copies(upstream: &Upstream) {
    for request in upstream.requests() {
        let text = String::from_utf8_lossy(&request);
        assert!(text.ends_with(&format!("\r\n\r\n{BODY}")), "{text}");
        assert!(text.contains("authorization: Bearer caller\r\n"), "{text}");
    }
}
