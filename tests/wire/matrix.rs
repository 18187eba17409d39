//! The fault matrix: one row for each fault of the first target, one column for each config. A cell
//! says what the client sees, how often each target is called, and what the reply headers tell.
//! Here a cell is tried; `matrix_rows` says what a row is, and the rows are in `matrix_connect`,
//! `matrix_statuses` and `matrix_streams`, the faults in `matrix_faults`.

use std::{
    any::Any,
    collections::HashMap,
    time::{Duration, Instant},
};

use crate::{
    matrix_rows::{Cell, Row, Sees},
    support::{
        Gate, Gateway, Response, Upstream,
        client::End,
        routing::{base, chat, chunk, config_line},
        show,
    },
};

/// The body that every request carries, so that every target's copy of it can be compared.
const BODY: &str =
    r#"{"model":"m", "stream":true,"messages":[{"role":"user","content":"Gr\u00fc\u00df dich"}] }"#;

/// What the second target sends, which has no fault.
const HEALTHY: &str = concat!(
    r#"data: {"id":"b","choices":[{"index":0,"delta":{"content":"well"}}]}"#,
    "\n\ndata: [DONE]\n\n"
);

/// A target and its fault.
pub struct Faulty {
    pub base: String,
    pub calls: Calls,
    /// Timeouts in milliseconds: from the settings where there is no config, else from the config.
    pub timeouts: &'static [(&'static str, u64)],
    /// Lines of the settings file that the fault needs.
    pub settings: String,
    /// To be opened once the client has read these bytes of the faulty target's response.
    pub gate: Option<(Gate, Vec<u8>)>,
    pub keep: Box<dyn Any>,
}

/// How the calls of a target are counted.
pub enum Calls {
    /// By whole requests.
    Requests(Upstream),
    /// By connections, where no request can be read.
    Connections(Upstream),
    /// By the gateway's count of failed attempts with this fault, where no connection is made.
    FailedAttempts(&'static str),
}

/// Head and idle timeouts are up to half a second late, never early. All are shorter than the
/// second after which the hedge comes.
pub const TIMEOUTS: &[(&str, u64)] = &[("connect", 400), ("head", 700), ("idle", 700)];

impl Faulty {
    /// An upstream whose calls are its requests.
    pub fn upstream(upstream: Upstream) -> Self {
        Faulty {
            base: base(&upstream),
            calls: Calls::Requests(upstream),
            ..Self::unreachable(String::new(), "none")
        }
    }

    /// A base URL to which no connection can be made.
    pub fn unreachable(base: String, fault: &'static str) -> Self {
        Faulty {
            base,
            calls: Calls::FailedAttempts(fault),
            timeouts: TIMEOUTS,
            settings: String::new(),
            gate: None,
            keep: Box::new(()),
        }
    }
}

fn assert_called(targets: [&Faulty; 2], expected: [usize; 2], gateway: &Gateway) {
    let mut failed: HashMap<&str, i64> = HashMap::new();
    for (target, times) in targets.into_iter().zip(expected) {
        let counted = match &target.calls {
            Calls::Requests(upstream) => upstream.requests().len(),
            Calls::Connections(upstream) => upstream.connections(),
            Calls::FailedAttempts(fault) => {
                // The gateway counts both targets together.
                *failed.entry(*fault).or_insert(0) += i64::try_from(times).expect("a few");
                continue;
            }
        };
        assert_eq!(counted, times, "calls of {}", target.base);
        if let Calls::Requests(upstream) = &target.calls {
            assert_copies(upstream);
        }
    }
    for (fault, times) in failed {
        let name = format!("throughway_upstream_failed_attempts_total{{fault=\"{fault}\"}}");
        assert_eq!(gateway.metric(&name), times, "{name}");
    }
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
                "{{{fallback},{timeouts},\"targets\":[{{\"strategy\":{{\"mode\":\"loadbalance\"}},\
                 \"targets\":[\
                 {{\"custom_host\":\"{first}\",\"weight\":1}},{{\"custom_host\":\"{weightless}\",\
                 \"weight\":0}}]}},\
                 {{\"custom_host\":\"{second}\"}}]}}"
            ),
            Column::Hedge => format!(
                "{{{fallback},{timeouts},\"hedge\":{{\"after\":1000,\"max_ratio\":1}},\
                 \"targets\":{two}}}"
            ),
        };
        config_line(&config)
    }

    fn settings(self, first: &Faulty) -> String {
        let mut settings = first.settings.clone();
        if self == Column::Plain {
            // The settings have no `first_token`.
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
    let Cell {
        sees,
        calls,
        retries,
    } = row.cell(column);
    let first = (row.fault)();
    let healthy = healthy();
    let weightless = Upstream::ok();
    let second = match column {
        Column::Exhausted => (row.fault)(),
        _ => Faulty::upstream(healthy),
    };
    let gateway = Gateway::with(&(column.settings(&first) + &settings_of_second(&first, &second)));
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
    assert_called([&first, &second], *calls, &gateway);
    assert_eq!(
        weightless.connections(),
        0,
        "a target without weight was called"
    );
    let told = (response.option(), response.retries());
    assert_eq!(told, (column.option(calls[1] > 0), *retries));
    assert_eq!(response.all("x-gateway-provider"), ["passthrough"]);
    if let (Column::Retry, Some((least, most))) = (column, row.retry_takes) {
        let range = Duration::from_millis(least)..Duration::from_millis(most);
        assert!(range.contains(&took), "{took:?}, expected {range:?}");
    }
}

fn healthy() -> Upstream {
    Upstream::responding(format!(
        "{}{}{}",
        crate::support::routing::STREAM,
        chunk(HEALTHY),
        crate::support::routing::LAST
    ))
}

/// The settings that the second target needs, unless the first one's are the same key already.
fn settings_of_second(first: &Faulty, second: &Faulty) -> String {
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

/// Every copy of the request has the client's own bytes and, since the caller named the origin, the
/// caller's credential.
fn assert_copies(upstream: &Upstream) {
    for request in upstream.requests() {
        let text = String::from_utf8_lossy(&request);
        assert!(text.ends_with(&format!("\r\n\r\n{BODY}")), "{text}");
        assert!(text.contains("authorization: Bearer caller\r\n"), "{text}");
    }
}
