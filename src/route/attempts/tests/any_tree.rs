//! Properties of any tree with any outcomes.

use proptest::prelude::*;

use super::*;
use crate::route::{
    policy::StatusCodes,
    tree::{Choice, Node, NodeId},
};

/// A tree in a form that proptest can generate and shrink.
#[derive(Clone, Debug)]
enum Shape {
    Target { attempts: u32, hedged: bool },
    Single(Vec<Shape>),
    Fallback(Vec<Shape>, Option<Vec<u16>>),
    LoadBalance(Vec<(Shape, u8)>),
}

fn any_shape() -> impl Strategy<Value = Shape> {
    let target = (0_u32..=5, any::<bool>());
    let target = target.prop_map(|(attempts, hedged)| Shape::Target { attempts, hedged });
    target.prop_recursive(4, 24, 4, |inner| {
        let several = || proptest::collection::vec(inner.clone(), 1..4);
        let codes = proptest::option::of(proptest::collection::vec(400_u16..600, 0..4));
        let weighted = proptest::collection::vec((inner.clone(), 0_u8..4), 1..4);
        prop_oneof![
            several().prop_map(Shape::Single),
            (several(), codes).prop_map(|(children, on)| Shape::Fallback(children, on)),
            weighted.prop_map(Shape::LoadBalance),
        ]
    })
}

#[derive(Default)]
struct Planted {
    nodes: Vec<Option<Node>>,
    /// The number of retries of each target.
    attempts: Vec<u32>,
}

impl Planted {
    fn tree(shape: &Shape) -> (Tree, Vec<u32>) {
        let mut planted = Planted::default();
        planted.plant(shape);
        let nodes = planted.nodes.into_iter().map(Option::unwrap).collect();
        (Tree { nodes }, planted.attempts)
    }

    fn plant(&mut self, shape: &Shape) -> NodeId {
        let id = self.nodes.len();
        self.nodes.push(None);
        let all = |planted: &mut Self, shapes: &[Shape]| -> Box<[NodeId]> {
            shapes.iter().map(|shape| planted.plant(shape)).collect()
        };
        let node = match shape {
            Shape::Target { attempts, hedged } => {
                self.attempts.push(*attempts);
                let hedge = Hedge {
                    after: Duration::ZERO,
                    max_ratio: 1.0,
                };
                Node::Target {
                    target: self.attempts.len() - 1,
                    retry: Retry {
                        attempts: *attempts,
                        ..Retry::default()
                    },
                    hedge: hedged.then_some(hedge),
                }
            }
            Shape::Single(children) => Node::Group {
                children: all(self, children),
                choice: Choice::Single,
            },
            Shape::Fallback(children, on) => {
                let on = on
                    .as_ref()
                    .map(|on| on.iter().copied().collect::<StatusCodes>());
                Node::Group {
                    children: all(self, children),
                    choice: Choice::Fallback { on },
                }
            }
            Shape::LoadBalance(children) => {
                let weights = children
                    .iter()
                    .map(|(_, weight)| f64::from(*weight))
                    .collect();
                let shapes: Vec<Shape> = children.iter().map(|(shape, _)| shape.clone()).collect();
                Node::Group {
                    children: all(self, &shapes),
                    choice: Choice::LoadBalance {
                        weights,
                        sticky: None,
                    },
                }
            }
        };
        self.nodes[id] = Some(node);
        id
    }
}

fn any_failure() -> impl Strategy<Value = Failed> {
    let after = proptest::option::of((0_u64..100).prop_map(Duration::from_secs));
    let fault = prop_oneof![
        4 => (400_u16..600).prop_map(|status| (Fault::Status, status)),
        1 => proptest::sample::select(&Fault::ALL[1..]).prop_map(|fault| (fault, 502)),
    ];
    (fault, after).prop_map(|((fault, status), retry_after)| Failed {
        fault,
        status,
        retry_after,
    })
}

/// Plays a request that never succeeds; returns all its sends in order, and how it stopped.
fn play(
    tree: &Tree,
    given: &Given,
    outcomes: &[(Failed, bool)],
) -> (Vec<Send>, Option<StopReason>) {
    let (mut attempts, first) = begin(tree, &Metadata::default(), given)
        .unwrap_or_else(|_| unreachable!("there is no conditional"));
    let mut sends = vec![first];
    let mut in_flight = vec![first];
    for (failed, slow) in outcomes.iter().cycle().take(1000) {
        if *slow
            && in_flight.len() == 1
            && let Some(hedge) = attempts.hedge(given)
        {
            sends.push(hedge);
            in_flight.push(hedge);
        }
        let remained = attempts.another_remains(given);
        let raced = attempts.race.is_some();
        let send = in_flight.remove(usize::from(*slow) % in_flight.len());
        match attempts.next(send, *failed, given) {
            Step::Send(next) => {
                assert!(in_flight.is_empty());
                assert!(
                    remained || next.forced,
                    "nothing remained, but {next:?} was sent"
                );
                sends.push(next);
                in_flight.push(next);
            }
            Step::Wait(wait, next) => {
                let timed_out = failed.fault.is_timeout() && !raced;
                assert!(
                    !(timed_out && remained),
                    "a target that timed out was retried before the next"
                );
                assert!(in_flight.is_empty() && wait <= Duration::from_secs(60));
                assert_eq!(next.target, sends.last().unwrap().target);
                sends.push(next);
                in_flight.push(next);
            }
            Step::Join => assert_eq!(in_flight.len(), 1),
            Step::Stop(reason) => {
                assert!(in_flight.is_empty());
                return (sends, Some(reason));
            }
        }
    }
    (sends, None)
}

proptest! {
    #[test]
    fn every_request_ends_within_its_bound(
        shape in any_shape(),
        outcomes in proptest::collection::vec((any_failure(), any::<bool>()), 1..8),
        open in proptest::collection::vec(0_usize..24, 0..6),
        dice in proptest::collection::vec(0.0..1.0_f64, 1..6),
    ) {
        let (tree, attempts) = Planted::tree(&shape);
        let given = Given::default();
        given.open.borrow_mut().extend(open);
        given.dice.borrow_mut().extend(dice);
        let (sends, stopped) = play(&tree, &given, &outcomes);
        prop_assert!(stopped.is_some(), "it did not stop");
        let is_hedged = |node: &Node| matches!(node, Node::Target { hedge: Some(_), .. });
        let hedges = usize::from(tree.nodes.iter().any(is_hedged));
        let bound: usize = attempts.iter().map(|retries| 1 + *retries as usize).sum();
        prop_assert!(sends.len() <= bound + hedges, "{} of {bound} + {hedges}", sends.len());
        for (place, send) in sends.iter().enumerate() {
            prop_assert_eq!(send.ticket as usize, place);
            prop_assert!(send.target < attempts.len());
            prop_assert!(send.retry <= attempts[send.target]);
        }
        // Targets are tried in the order of the tree, and the retries of each follow one another.
        prop_assert!(sends.windows(2).all(|pair| pair[0].target <= pair[1].target));
        for target in 0..attempts.len() {
            let retries: Vec<u32> = sends
                .iter()
                .filter(|send| send.target == target)
                .map(|send| send.retry)
                .collect();
            let follows = |pair: &[u32]| {
                pair[1] == pair[0] + 1 || (hedges > 0 && pair[1] == pair[0])
            };
            prop_assert!(retries.windows(2).all(follows));
        }
    }

    #[test]
    fn a_body_that_cannot_be_sent_again_is_sent_once(
        shape in any_shape(),
        outcomes in proptest::collection::vec((any_failure(), any::<bool>()), 1..8),
    ) {
        let (tree, _) = Planted::tree(&shape);
        let given = Given::default();
        given.replayable.set(false);
        let outcomes: Vec<_> = outcomes
            .into_iter()
            .filter(|(failed, _)| !matches!(failed.fault, Fault::BreakerOpen | Fault::RateLimited))
            .collect();
        prop_assume!(!outcomes.is_empty());
        let (sends, _) = play(&tree, &given, &outcomes);
        prop_assert_eq!(sends.len(), 1);
    }

    #[test]
    fn targets_with_open_breakers_are_skipped_while_others_are_closed(
        shape in any_shape(),
        outcomes in proptest::collection::vec((any_failure(), any::<bool>()), 1..8),
        open in proptest::collection::vec(0_usize..24, 1..12),
    ) {
        let (tree, _) = Planted::tree(&shape);
        let given = Given::default();
        given.open.borrow_mut().extend(open.iter().copied());
        let (sends, _) = play(&tree, &given, &outcomes);
        let forced = sends[0].forced;
        for send in sends {
            prop_assert_eq!(send.forced, forced);
            prop_assert!(forced || !open.contains(&send.target));
        }
    }
}
