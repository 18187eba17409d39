//! The table against a plain search of all endpoints.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn endpoint(path: &str, include_subpath: bool) -> Arc<Endpoint> {
    let document = json!({
        "path": path, "target": "http://h", "include_subpath": include_subpath,
    });
    Arc::new(Endpoint::read(&document).expect("an endpoint"))
}

/// The longest path that the request's path is, or that is followed by a slash in it.
fn search<'e>(endpoints: &'e [Arc<Endpoint>], path: &str) -> Option<&'e str> {
    let fits = |it: &&Arc<Endpoint>| match path.strip_prefix(it.path.as_str()) {
        Some("") => true,
        Some(below) => below.starts_with('/') && it.include_subpath,
        None => false,
    };
    let fitting = endpoints.iter().filter(fits);
    fitting.map(|it| it.path.as_str()).max_by_key(|it| it.len())
}

proptest! {
    #[test]
    fn any_table_agrees_with_a_plain_search(
        paths in proptest::collection::btree_map("(/[ab]{1,2}){1,4}", any::<bool>(), 0..12),
        asked in "(/[ab]{0,2}){0,6}",
    ) {
        let endpoints: Vec<_> = paths.iter().map(|(path, below)| endpoint(path, *below)).collect();
        let table = Table::new(endpoints.clone()).expect("paths are distinct");
        let found = match table.find("GET", &asked) {
            Lookup::Found(found) => Some(found.endpoint.path.as_str()),
            Lookup::Nothing => None,
            Lookup::Off | Lookup::WrongMethod { .. } => panic!("all are on and serve all methods"),
        };
        prop_assert_eq!(found, search(&endpoints, &asked));
    }
}

#[test]
fn a_path_of_many_segments_is_looked_up_no_deeper_than_the_table_goes() {
    let table = Table::new([endpoint("/a/b", true)]).expect("one endpoint");
    let path = format!("/a/b{}", "/".repeat(100_000));
    assert!(matches!(table.find("GET", &path), Lookup::Found(_)));
    assert_eq!(table.segments, 2);
}
