//! The admin API for keys and teams: lists in pages, and the page that was before this API.

use crate::admin_keys::started;

#[test]
fn a_list_comes_in_pages() {
    let (_gateway, admin) = started("");
    let names: Vec<String> = (0..7).map(|number| format!("key-{number}")).collect();
    for name in &names {
        admin.create(&format!(r#"{{"name":"{name}"}}"#));
    }
    for path in ["/keys", "/audit"] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = admin.json("GET", &format!("{path}?limit=3{cursor}"), "", 200);
            let data = page["data"].as_array().expect("a list");
            assert!(data.len() <= 3);
            seen.extend(
                data.iter()
                    .map(|it| it["name"].as_str().expect("a name").to_owned()),
            );
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        if path == "/audit" {
            seen.reverse();
        }
        assert_eq!(seen, names, "{path}");
    }
}

#[test]
fn the_old_page_of_the_cache_names_the_new_one() {
    let (gateway, _admin) = started("");
    let moved = gateway.exchange(
        "GET /gateway/admin/cache HTTP/1.1\r\nHost: localhost\r\n\
         Authorization: Bearer secret\r\n\r\n",
    );
    assert_eq!((moved.status, moved.error()), (404, Some("unknown_route")));
    assert!(
        moved.text().contains("/gateway/admin/v1/cache"),
        "{}",
        moved.text()
    );
}
