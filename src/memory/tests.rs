use std::thread;

use proptest::prelude::*;

use super::*;

const LIMIT: u64 = 1000;

fn memory() -> (Arc<BodyMemory>, Counts) {
    let counts = Counts::default();
    (BodyMemory::new(LIMIT, counts.clone()), counts)
}

fn client(number: u8) -> Option<IpAddr> {
    Some(IpAddr::from([192, 0, 2, number]))
}

#[test]
fn one_client_gets_half_and_the_next_half_of_the_rest() {
    let (memory, counts) = memory();
    let first = memory.account(client(1));
    // Clients are hashed to shares, and two may have the same.
    let mut others = (2..=255).map(|number| memory.account(client(number)));
    let second = others.find(|it| it.share != first.share);
    let second = second.expect("a client with another share");
    let mut one = first.reserve(400).expect("room");
    assert_eq!(one.grow(101), Err(NoRoom));
    assert_eq!(one.grow(100), Ok(()));
    let mut two = second.reserve(200).expect("room");
    assert_eq!(two.grow(51), Err(NoRoom));
    assert_eq!(two.grow(50), Ok(()));
    assert_eq!((counts.kept.get(), counts.refused.get()), (750, 2));
    drop((one, two));
    assert_eq!(counts.kept.get(), 0);
}

#[test]
fn bytes_keep_their_reservation_until_the_last_copy_is_dropped() {
    let (memory, counts) = memory();
    let room = memory.account(client(1)).reserve(5).expect("room");
    let bytes = room.hold(b"hello".to_vec());
    let part = bytes.slice(1..2);
    drop(bytes);
    assert_eq!((&part[..], counts.kept.get()), (&b"e"[..], 5));
    drop(part);
    assert_eq!(counts.kept.get(), 0);
}

#[test]
fn addresses_of_one_network_belong_to_one_client() {
    let (memory, _) = memory();
    let share = |address: &str| memory.account(address.parse().ok()).share;
    assert_eq!(share("2001:db8::1"), share("2001:db8::ffff:1"));
    assert_eq!(share("192.0.2.1"), share("::ffff:192.0.2.1"));
    let others: std::collections::BTreeSet<Share> = (0..64)
        .map(|net| share(&format!("2001:db8:0:{net}::1")))
        .collect();
    assert!(others.len() > 40, "{} shares", others.len());
}

#[test]
fn no_size_overflows() {
    let (memory, counts) = memory();
    let account = memory.account(None);
    let mut one = account.reserve(1).expect("room");
    for bytes in [usize::MAX, i64::MAX as usize, usize::MAX / 2] {
        assert_eq!(one.grow(bytes), Err(NoRoom));
    }
    assert_eq!(Account::UNCOUNTED.reserve(1 << 40).map(drop), Ok(()));
    drop(one);
    assert_eq!(counts.kept.get(), 0);
}

/// One step of a client: reserves, grows its latest reservation, or drops its oldest.
fn play(account: &Account, steps: &[(u8, usize)], check: impl Fn()) {
    let mut held = Vec::new();
    for (what, bytes) in steps {
        match what % 3 {
            0 => held.extend(account.reserve(*bytes).ok()),
            1 => drop(held.last_mut().map(|it: &mut Reservation| it.grow(*bytes))),
            _ if held.is_empty() => {}
            _ => drop(held.remove(0).hold(vec![0; 3])),
        }
        check();
    }
}

fn steps() -> impl Strategy<Value = Vec<(u8, usize)>> {
    prop::collection::vec((any::<u8>(), 0..700_usize), 0..60)
}

proptest! {
    #[test]
    fn reservations_never_exceed_the_limit_and_are_all_released(
        clients in prop::collection::vec(steps(), 1..5),
    ) {
        let (memory, counts) = memory();
        thread::scope(|scope| {
            for (number, steps) in clients.iter().enumerate() {
                let account = memory.account(client(number as u8));
                let kept = counts.kept.clone();
                scope.spawn(move || play(&account, steps, || {
                    let now = kept.get();
                    assert!((0..=LIMIT as i64).contains(&now), "{now}");
                }));
            }
        });
        prop_assert_eq!(counts.kept.get(), 0);
        prop_assert!(memory.shares.iter().all(|it| it.load(Ordering::Relaxed) == 0));
    }

    #[test]
    fn a_single_client_never_holds_more_than_half(steps in steps()) {
        let (memory, counts) = memory();
        let account = memory.account(client(1));
        play(&account, &steps, || assert!(counts.kept.get() <= LIMIT as i64 / 2));
    }
}
