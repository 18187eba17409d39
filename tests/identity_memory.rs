//! What 100 000 gateway keys cost in memory, in a process of its own, with the program's allocator.
//! Prints the figures: `cargo test --test identity_memory -- --nocapture`.
#![cfg(target_os = "linux")]
#![expect(clippy::expect_used, reason = "a test may panic")]

use std::time::Instant;

use jiff::Timestamp;
use rand::{SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};
use throughway::identity::{
    KeyId,
    directory::{Change, Directory},
    document::read,
    key::Key,
    team::Team,
    token::GatewayKey,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const KEYS: usize = 100_000;
const MOST_BYTES: usize = 60 << 20;

fn secret(number: usize) -> GatewayKey {
    GatewayKey::generate(&mut StdRng::seed_from_u64(number as u64))
}

/// A key with most fields in use. Its metadata is its own; one in ten has a limit.
fn key(number: usize) -> Key {
    let secret = secret(number);
    let limits = match number % 10 {
        0 => json!([{ "requests": 600, "window": "1m" }]),
        _ => json!([]),
    };
    let document: Value = json!({
        "id": KeyId::of_name(&number.to_string()),
        "name": format!("service-{number}"),
        "digest": secret.digest(),
        "prefix": secret.display_prefix(),
        "team": format!("team-{}", number % 200),
        "expires": "2030-01-01T00:00:00Z",
        "metadata": { "owner": format!("user-{number}@example.com"), "env": "prod" },
        "allow": { "models": ["gpt-*", "o3*"], "methods": ["POST"] },
        "limits": limits,
        "created_at": "2026-11-22T00:00:00Z",
    });
    read(&document).expect("a key")
}

fn team(number: usize) -> Team {
    let document = json!({ "name": format!("team-{number}"), "allow": { "routes": ["/v1/*"] } });
    read(&document).expect("a team")
}

/// Memory that is the process's own, in bytes.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux has it");
    let mut pages = statm
        .split(' ')
        .map(|it| it.parse::<usize>().expect("a number"));
    let (resident, shared) = (pages.nth(1), pages.next());
    (resident.unwrap_or_default() - shared.unwrap_or_default()) * 4096
}

#[test]
fn a_hundred_thousand_keys_take_at_most_sixty_mebibytes() {
    let before = resident();
    let directory = Directory::new((0..KEYS).map(key), (0..200).map(team)).expect("no conflicts");
    let taken = resident() - before;
    println!("{KEYS} keys: {:.1} MiB", taken as f64 / f64::from(1 << 20));
    assert!(taken <= MOST_BYTES, "{taken} bytes");

    let start = Instant::now();
    let changed = directory.with_changes([Change::PutKey(key(KEYS).into())]);
    println!("one key added: {:?}", start.elapsed());
    let changed = changed.expect("no conflicts");
    let start = Instant::now();
    let with_team = changed.with_changes([Change::PutTeam(team(7).into())]);
    println!("one team of 500 keys changed: {:?}", start.elapsed());
    assert!(with_team.is_ok());

    let secrets: Vec<_> = (0..1000).map(|it| secret(it * 97)).collect();
    let now: Timestamp = "2026-11-22T00:00:00Z".parse().expect("a time");
    let start = Instant::now();
    let found = secrets.iter().filter(|it| changed.resolve(it, now).is_ok());
    assert_eq!(found.count(), secrets.len());
    println!("one key found: {:?}", start.elapsed() / 1000);
}
