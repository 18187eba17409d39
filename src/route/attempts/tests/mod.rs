//! Runs the tables in `fixtures/attempts`: for a tree and given conditions, each event and the step
//! that must follow. Properties of random trees are in `any_tree`.

mod any_tree;
mod notation;

use std::{
    borrow::Cow,
    cell::{Cell, RefCell},
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use super::*;
use crate::{
    golden::cases,
    route::condition::{Facts, Field, TooManyItems},
};

/// A [`World`] set up by the test case.
struct Given {
    open: RefCell<Vec<TargetId>>,
    replayable: Cell<bool>,
    time_left: Cell<Option<Duration>>,
    retries: Cell<u32>,
    hedges: Cell<u32>,
    dice: RefCell<VecDeque<f64>>,
}

impl Default for Given {
    fn default() -> Self {
        Given {
            open: RefCell::default(),
            replayable: Cell::new(true),
            time_left: Cell::new(None),
            retries: Cell::new(u32::MAX),
            hedges: Cell::new(u32::MAX),
            dice: RefCell::default(),
        }
    }
}

impl World for Given {
    fn admits(&self, target: TargetId) -> bool {
        !self.open.borrow().contains(&target)
    }

    fn take_retry(&self, _: TargetId) -> bool {
        let left = self.retries.get();
        self.retries.set(left.saturating_sub(1));
        left > 0
    }

    fn take_hedge(&self, _: TargetId, _: f64) -> bool {
        let left = self.hedges.get();
        self.hedges.set(left.saturating_sub(1));
        left > 0
    }

    fn replayable(&self) -> bool {
        self.replayable.get()
    }

    fn time_left(&self) -> Option<Duration> {
        self.time_left.get()
    }

    /// The last given number is returned again and again.
    fn dice(&self) -> f64 {
        let mut dice = self.dice.borrow_mut();
        match dice.len() {
            0 => 0.5,
            1 => dice[0],
            _ => dice.pop_front().unwrap(),
        }
    }

    fn unix_seconds(&self) -> u64 {
        0
    }
}

/// Facts that consist of metadata only.
#[derive(Default)]
struct Metadata(BTreeMap<String, String>);

impl Facts for Metadata {
    fn get(&self, field: &Field) -> Result<Option<Cow<'_, serde_json::Value>>, TooManyItems> {
        let Field::Metadata(key) = field else {
            return Ok(None);
        };
        let value = self.0.get(&**key);
        Ok(value.map(|value| Cow::Owned(value.as_str().into())))
    }

    fn text(&self, field: &Field) -> Option<Cow<'_, str>> {
        let value = self.get(field).ok()??;
        Some(Cow::Owned(value.to_string()))
    }
}

/// Enters a tree with these facts.
fn begin<'t>(
    tree: &'t Tree,
    facts: &Metadata,
    world: &dyn World,
) -> Result<(Attempts<'t>, Send), NoMatch> {
    let decided = Decided::by(tree, facts).unwrap();
    Attempts::begin(tree, &decided, world)
}

#[test]
fn each_outcome_leads_to_the_step_of_the_table() {
    for case in cases("attempts") {
        let (tree, names) = notation::tree(case.section("tree"));
        let (given, facts) = notation::given(case.section("given"), &names);
        let mut transcript = String::new();
        let mut playing = None;
        for line in case.section("steps").lines() {
            let (event, _) = line.split_once(" -> ").expect(line);
            let step = match (&mut playing, event) {
                (None, "start") => match begin(&tree, &facts, &given) {
                    Ok((attempts, send)) => {
                        playing = Some((attempts, vec![send]));
                        notation::sent(send, &names)
                    }
                    Err(NoMatch(path)) => format!("no match at {path}"),
                },
                (Some((attempts, sends)), event) => {
                    notation::play(attempts, sends, event, &given, &names)
                }
                (None, _) => panic!("{}: the first event is start", case.name),
            };
            transcript.push_str(&format!("{event} -> {step}\n"));
        }
        assert_eq!(
            transcript.trim_end(),
            case.section("steps"),
            "{}",
            case.name
        );
    }
}

#[test]
fn candidates_are_all_targets_that_conditions_and_weights_allow() {
    for (tree, given, expected) in [
        ("a", "", "a"),
        ("fallback (a, b)", "", "a b"),
        ("loadbalance (a*1, b*0, c*2)", "dice=0", "a c"),
        ("conditional (a, b, c)", "tier=gold", "c"),
        (
            "fallback (loadbalance (a, b), conditional (c, d, e))",
            "dice=0 tier=gold",
            "a b e",
        ),
        // The condition under the other child was not evaluated: for that child the target may
        // differ from request to request.
        (
            "loadbalance (conditional (a, b, c), d)",
            "dice=0 tier=gold",
            "c d",
        ),
        (
            "loadbalance (d, conditional (a, b, c))",
            "dice=0 tier=gold",
            "d",
        ),
    ] {
        let (tree_of, names) = notation::tree(tree);
        let (world, facts) = notation::given(given, &names);
        let Ok((attempts, _)) = begin(&tree_of, &facts, &world) else {
            panic!("{tree}: no match");
        };
        let candidates: Vec<_> = attempts
            .candidates()
            .into_iter()
            .map(|id| &*names[id])
            .collect();
        assert_eq!(candidates.join(" "), expected, "{tree}");
    }
}
