//! Eviction, expiry, purges and refreshes, with the time passed in.

use actix_http::{StatusCode, header::HeaderMap};
use bytes::Bytes;

use super::*;
use crate::cache::{
    key::{BodyDigest, Request},
    noise::Noise,
    stored_response::StoredHead,
};

const NOW: UnixMillis = UnixMillis(1_000_000);
const HOUR: Duration = Duration::from_secs(3600);

fn key(path: &str) -> CacheKey {
    let request = Request {
        namespace: &Namespace::None,
        caller: Some(&[1; 32]),
        targets: &[],
        method: "POST",
        path,
        query: None,
        headers: Vec::new(),
        noise: &Noise::default(),
        body: &BodyDigest::of(b""),
    };
    request.key()
}

fn response_of(body: impl Into<Bytes>, ttl: Duration) -> Arc<StoredResponse> {
    let (status, headers) = (StatusCode::OK, HeaderMap::new());
    let response = StoredResponse::new(
        Arc::new(StoredHead::new(status, &headers)),
        body.into(),
        NOW,
        ttl,
    );
    Arc::new(response)
}

fn response(body: &'static str) -> Arc<StoredResponse> {
    response_of(body, HOUR)
}

fn team(name: &str) -> Namespace {
    Namespace::Caller(name.into())
}

fn store() -> MemoryStore {
    MemoryStore::new(MemoryStore::DEFAULT_MAX_BYTES)
}

/// Stores a response to a request sent just now.
fn put(store: &MemoryStore, path: &str, namespace: Namespace, body: &'static str) {
    let _ = store.put(key(path), namespace, response(body), store.asks());
}

fn body(store: &MemoryStore, path: &str) -> Option<Bytes> {
    let found = store.get(&key(path), NOW);
    found.map(|response| response.body().clone())
}

#[test]
fn an_entry_is_found_until_it_is_replaced_or_removed() {
    let store = store();
    assert_eq!(body(&store, "/a"), None);
    put(&store, "/a", Namespace::None, "one");
    assert_eq!(body(&store, "/a"), Some("one".into()));
    assert_eq!(body(&store, "/b"), None);
    put(&store, "/a", Namespace::None, "two");
    assert_eq!(body(&store, "/a"), Some("two".into()));
    let asked = store.asks();
    assert!(store.remove(&key("/a")) && !store.remove(&key("/a")));
    let late = response_of("late", HOUR);
    let late_put = store.put(key("/a"), Namespace::None, late.clone(), asked);
    assert_eq!(late_put, Err(NoCacheReason::Purged));
    assert_eq!(store.put(key("/c"), Namespace::None, late, asked), Ok(()));
    assert_eq!(body(&store, "/a"), None);
}

#[test]
fn a_response_is_served_until_its_ttl_is_over() {
    let store = store();
    put(&store, "/a", Namespace::None, "one");
    let at = |millis| store.get(&key("/a"), UnixMillis(NOW.0 + millis)).is_some();
    assert!(at(0) && at(3_599_999) && !at(3_600_000));
}

#[test]
fn an_entry_expires_after_its_own_ttl_which_restarts_when_it_is_replaced() {
    let short = Duration::from_secs(1);
    for (ttl, before) in [(short, HOUR), (HOUR, short)] {
        let entry = Arc::new(Entry {
            namespace: Namespace::None,
            asked: store().asks(),
            response: response_of("", ttl),
        });
        let now = Instant::now();
        let created = ByTtl.expire_after_create(&key("/a"), &entry, now);
        let updated = ByTtl.expire_after_update(&key("/a"), &entry, now, Some(before));
        assert_eq!((created, updated), (Some(ttl), Some(ttl)));
    }
}

#[test]
fn a_full_store_evicts_the_least_recently_used_within_its_byte_limit() {
    const MOST: u64 = 100_000;
    let store = MemoryStore::new(MOST);
    let path = |place: usize| format!("/{place}");
    for place in 0..50 {
        let response = response_of(vec![b'x'; 10_000], HOUR);
        let _ = store.put(key(&path(place)), Namespace::None, response, store.asks());
        let stats = store.stats();
        assert!(stats.bytes <= MOST, "{stats:?}");
        assert!(store.get(&key(&path(place)), NOW).is_some(), "{place}");
    }
    let stats = store.stats();
    assert_eq!(stats.entries, 9);
    assert!(stats.bytes >= 90_000);
    assert!(store.get(&key(&path(0)), NOW).is_none());
}

#[test]
fn a_response_larger_than_the_store_is_not_stored() {
    let store = MemoryStore::new(1000);
    let response = response_of(vec![b'x'; 1001], HOUR);
    let _ = store.put(key("/a"), Namespace::None, response, store.asks());
    let nothing = Stats {
        entries: 0,
        bytes: 0,
    };
    assert_eq!(store.stats(), nothing);
}

#[test]
fn a_purge_removes_one_namespace_and_frees_its_memory() {
    let store = store();
    put(&store, "/a", team("a"), "a");
    put(&store, "/b", team("b"), "b");
    put(&store, "/s", Namespace::Settings("a".into()), "s");
    put(&store, "/n", Namespace::None, "n");
    assert_eq!(store.stats().entries, 4);
    store.purge(&team("a"));
    assert_eq!(body(&store, "/a"), None);
    assert_eq!(store.stats().entries, 3);
    for (path, expected) in [("/b", "b"), ("/s", "s"), ("/n", "n")] {
        assert_eq!(body(&store, path), Some(expected.into()), "{path}");
    }
    put(&store, "/a", team("a"), "new");
    assert_eq!(body(&store, "/a"), Some("new".into()));
}

#[test]
fn a_response_requested_before_a_purge_is_not_stored_after_it() {
    let store = store();
    let before = store.asks();
    store.purge(&team("a"));
    let _ = store.put(key("/a"), team("a"), response("old"), before);
    let _ = store.put(key("/b"), team("b"), response("b"), before);
    assert_eq!(body(&store, "/a"), None);
    assert_eq!(body(&store, "/b"), Some("b".into()));
    let _ = store.put(key("/a"), team("a"), response("new"), store.asks());
    assert_eq!(body(&store, "/a"), Some("new".into()));
}

#[test]
fn many_purges_are_merged_and_none_is_forgotten() {
    let store = store();
    let before = store.asks();
    for place in 0..2 * MAX_PURGES + 1 {
        store.purge(&team(&place.to_string()));
    }
    assert!(store.purges().by_namespace.last.len() <= MAX_PURGES);
    for place in [0, MAX_PURGES, 2 * MAX_PURGES] {
        let _ = store.put(key("/a"), team(&place.to_string()), response("old"), before);
        assert_eq!(body(&store, "/a"), None, "{place}");
    }
    put(&store, "/a", team("0"), "new");
    assert_eq!(body(&store, "/a"), Some("new".into()));
}

#[test]
fn a_purge_of_everything_also_covers_responses_in_flight() {
    let store = store();
    let asked = store.asks();
    put(&store, "/a", team("a"), "old");
    put(&store, "/b", Namespace::None, "old");
    store.purge_all();
    let late = response_of(b"late".to_vec(), HOUR);
    let _ = store.put(key("/c"), Namespace::None, late, asked);
    for path in ["/a", "/b", "/c"] {
        assert_eq!(body(&store, path), None, "{path}");
    }
    put(&store, "/a", team("a"), "new");
    assert_eq!(body(&store, "/a"), Some("new".into()));
}

#[test]
fn a_purge_during_concurrent_writes_leaves_no_old_entry() {
    let store = store();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let store = &store;
            scope.spawn(move || {
                for place in 0..500 {
                    let path = format!("/{writer}/{place}");
                    let asked = store.asks();
                    let response = response_of(asked.epoch.0.to_be_bytes().to_vec(), HOUR);
                    let _ = store.put(key(&path), team("a"), response, asked);
                }
            });
        }
        for _ in 0..20 {
            store.purge(&team("a"));
            let now = store.asks().epoch.0.to_be_bytes();
            for place in 0..500 {
                if let Some(found) = body(&store, &format!("/0/{place}")) {
                    assert!(*found >= now[..], "a response from before the purge");
                }
            }
        }
    });
}

#[test]
fn a_response_requested_before_a_refresh_does_not_replace_its_result() {
    let store = store();
    let put = |asked, body| store.put(key("/a"), Namespace::None, response(body), asked);
    let [earlier, refresh, later] = [store.asks(), store.refreshes(), store.asks()];
    assert_eq!(put(refresh, "new"), Ok(()));
    assert_eq!(put(earlier, "old"), Err(NoCacheReason::Superseded));
    assert_eq!(body(&store, "/a"), Some("new".into()));
    assert_eq!(put(later, "newer"), Ok(()));
    store.purge(&Namespace::None);
    let earlier = store.asks();
    store.refreshes();
    // A failed refresh does not block later responses.
    assert_eq!(put(earlier, "again"), Ok(()));
}

#[test]
fn large_responses_are_evicted_in_time() {
    const MOST: u64 = 64 << 20;
    const LARGE: usize = 4 << 20;
    let store = MemoryStore::new(MOST);
    for place in 0..100 {
        let response = response_of(vec![b'x'; LARGE], HOUR);
        let _ = store.put(
            key(&place.to_string()),
            Namespace::None,
            response,
            store.asks(),
        );
        // moka's own figures, without a forced eviction first.
        let bytes = store
            .entries
            .iter()
            .map(|(_, it)| u64::from(it.weight()))
            .sum::<u64>();
        assert!(
            bytes <= MOST + MOST / EVICTION_FRACTION + LARGE as u64,
            "{bytes}"
        );
    }
}
