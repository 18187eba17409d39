//! The notation of the tables: trees such as `fallback 429 503 (a retry 2, loadbalance (b*3,
//! c*0))`, events and steps.

use super::*;
use crate::route::{
    condition::{Condition, WorkBudget},
    config_types::Sticky,
    policy::StatusCodes,
    tree::{Choice, Node, NodeId},
};

/// Parses a tree; also returns its targets' names in order.
pub fn tree(text: &str) -> (Tree, Vec<String>) {
    let text = text
        .replace('(', " ( ")
        .replace(')', " ) ")
        .replace(',', " , ");
    let mut words: VecDeque<String> = text.split_whitespace().map(str::to_owned).collect();
    let mut reading = Reading::default();
    reading.node(&mut words);
    let nodes = reading.nodes.into_iter().map(Option::unwrap).collect();
    (Tree { nodes }, reading.names)
}

#[derive(Default)]
struct Reading {
    nodes: Vec<Option<Node>>,
    names: Vec<String>,
}

impl Reading {
    /// Parses one node; also returns its weight.
    fn node(&mut self, words: &mut VecDeque<String>) -> (NodeId, f64) {
        let id = self.nodes.len();
        self.nodes.push(None);
        let word = words.pop_front().expect("a node");
        let mut codes = Vec::new();
        while let Some(code) = words.front().and_then(|word| word.parse::<u16>().ok()) {
            codes.push(code);
            words.pop_front();
        }
        let weight = match word.split_once('*') {
            Some((_, weight)) => weight.parse().unwrap(),
            None => 1.0,
        };
        let node = match word.split('*').next().unwrap() {
            "fallback" => {
                let on: StatusCodes = codes.iter().copied().collect();
                let on = (!codes.is_empty()).then_some(on);
                let (children, _) = self.children(words);
                Node::Group {
                    children,
                    choice: Choice::Fallback { on },
                }
            }
            "single" => Node::Group {
                children: self.children(words).0,
                choice: Choice::Single,
            },
            kind @ ("loadbalance" | "sticky") => {
                let (children, weights) = self.children(words);
                let sticky = (kind == "sticky").then(|| Sticky {
                    hash_fields: vec![Field::Metadata("user".into())],
                    ttl: None,
                });
                Node::Group {
                    children,
                    choice: Choice::LoadBalance { weights, sticky },
                }
            }
            // The first child is chosen for the metadata `tier` equal to its name, and so on;
            // `else` before the last makes it the default.
            "conditional" => {
                let (children, _) = self.children(words);
                let tiers = ["pro", "free"];
                let condition = |tier: &str| {
                    let query = serde_json::json!({ "metadata.tier": tier });
                    Condition::parse(&query, &mut WorkBudget::default()).unwrap()
                };
                let conditions = tiers.iter().take(children.len()).enumerate();
                Node::Group {
                    choice: Choice::Conditional {
                        conditions: conditions.map(|(at, tier)| (condition(tier), at)).collect(),
                        default: (children.len() > tiers.len()).then_some(tiers.len()),
                        path: "config".into(),
                    },
                    children,
                }
            }
            name => {
                self.names.push(name.to_owned());
                self.leaf(words)
            }
        };
        self.nodes[id] = Some(node);
        (id, weight)
    }

    fn leaf(&mut self, words: &mut VecDeque<String>) -> Node {
        let mut retry = Retry::default();
        let mut hedge = None;
        loop {
            let number = |words: &mut VecDeque<String>| {
                words.pop_front();
                words.pop_front().unwrap().parse::<u64>().unwrap()
            };
            match words.front().map(String::as_str) {
                Some("retry") => retry.attempts = number(words) as u32,
                Some("hedge") => {
                    hedge = Some(Hedge {
                        after: Duration::from_millis(number(words)),
                        max_ratio: 1.0,
                    });
                }
                Some("retry-after") => {
                    words.pop_front();
                    retry.use_retry_after_header = true;
                }
                _ => break,
            }
        }
        Node::Target {
            target: self.names.len() - 1,
            retry,
            hedge,
        }
    }

    fn children(&mut self, words: &mut VecDeque<String>) -> (Box<[NodeId]>, Box<[f64]>) {
        let mut children = Vec::new();
        loop {
            let sign = words.pop_front().expect("a bracket");
            if sign == ")" {
                break;
            }
            children.push(self.node(words));
        }
        let (ids, weights): (Vec<_>, Vec<_>) = children.into_iter().unzip();
        (ids.into(), weights.into())
    }
}

/// Parses one line of given conditions.
pub fn given(text: &str, names: &[String]) -> (Given, Metadata) {
    let (given, mut facts) = (Given::default(), Metadata::default());
    for word in text.split_whitespace() {
        set(word, &given, &mut facts, names);
    }
    (given, facts)
}

fn set(word: &str, given: &Given, facts: &mut Metadata, names: &[String]) {
    let id = |name: &str| names.iter().position(|it| it == name).expect(name);
    match word.split_once('=').unwrap_or((word, "")) {
        ("open", name) => given.open.borrow_mut().push(id(name)),
        ("closed", name) => given.open.borrow_mut().retain(|open| *open != id(name)),
        ("not-replayable", _) => given.replayable.set(false),
        ("time-left", text) => {
            let left = Duration::from_millis(text.parse().unwrap());
            given.time_left.set(Some(left));
        }
        ("retries", text) => given.retries.set(text.parse().unwrap()),
        ("hedges", text) => given.hedges.set(text.parse().unwrap()),
        ("dice", text) => given.dice.borrow_mut().push_back(text.parse().unwrap()),
        ("tier" | "user", text) => {
            let key = word.split('=').next().unwrap().to_owned();
            facts.0.insert(key, text.to_owned());
        }
        (other, _) => panic!("unknown condition {other}"),
    }
}

/// Plays an event: `503`, `503 after 20`, `connect`, `hedge`, `remains`, `now open=a`; `elder 503`
/// is for the first of two sends in flight.
pub fn play(
    attempts: &mut Attempts<'_>,
    sends: &mut Vec<Send>,
    event: &str,
    given: &Given,
    names: &[String],
) -> String {
    if let Some(change) = event.strip_prefix("now ") {
        set(change, given, &mut Metadata::default(), names);
        return "noted".to_owned();
    }
    if event == "remains" {
        return attempts.another_remains(given).to_string();
    }
    if let Some(status) = event.strip_prefix("good ") {
        let failure = attempts.is_failure(status.parse().unwrap());
        return if failure { "a failure" } else { "relayed" }.to_owned();
    }
    if event == "hedge" {
        return match attempts.hedge(given) {
            None => "no".to_owned(),
            Some(send) => {
                sends.push(send);
                sent(send, names)
            }
        };
    }
    let (send, what) = match event.strip_prefix("elder ") {
        Some(what) => (sends[sends.len() - 2], what),
        None => (*sends.last().unwrap(), event),
    };
    let step = attempts.next(send, failed(what), given);
    let count = attempts.retry_count(send);
    match step {
        Step::Send(next) => {
            sends.push(next);
            sent(next, names)
        }
        Step::Wait(wait, next) => {
            sends.push(next);
            format!("wait {} ms, {}", wait.as_millis(), sent(next, names))
        }
        Step::Join => "join".to_owned(),
        Step::Stop(reason) => format!("stop: {}, retries {count}", reason.name()),
    }
}

fn failed(text: &str) -> Failed {
    let (what, after) = text.split_once(" after ").unwrap_or((text, ""));
    let (fault, status) = match what {
        "connect" => (Fault::Connect, 502),
        "connect-timeout" => (Fault::ConnectTimeout, 504),
        "network" => (Fault::Network, 502),
        "timeout" => (Fault::Timeout, 504),
        "request-timeout" => (Fault::Timeout, 408),
        "first-token" => (Fault::FirstToken, 504),
        "unusable-response" => (Fault::UnusableResponse, 200),
        "breaker" => (Fault::BreakerOpen, 502),
        "rate-limited" => (Fault::RateLimited, 429),
        "denied" => (Fault::Denied, 403),
        status => (Fault::Status, status.parse().unwrap()),
    };
    Failed {
        fault,
        status,
        retry_after: after.parse().ok().map(Duration::from_secs),
    }
}

/// A send in the notation of the tables.
pub fn sent(send: Send, names: &[String]) -> String {
    let mut text = format!("send {}", names[send.target]);
    if send.retry > 0 {
        text += &format!(" (retry {})", send.retry);
    }
    if send.forced {
        text += ", forced";
    }
    if let Some(after) = send.hedge_after {
        text += &format!(", hedge after {} ms", after.as_millis());
    }
    text
}
