//! Where did a request go? Its path and the origin that was tried last, in one buffer that later
//! requests of the thread reuse.

use std::{cell::RefCell, mem};

use super::clip::clip;

/// Most buffers that a thread keeps.
const MOST_SPARE: usize = 64;
/// Largest capacity of a kept buffer.
const KEPT_ROOM: usize = 1024;

thread_local! {
    static SPARE: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// A request's path, and the origin that was tried last. Without the query, which may have keys.
pub struct PathAndOrigin {
    text: String,
    path_length: usize,
}

impl PathAndOrigin {
    /// Copies as much of a path as fits into a line of the log.
    pub fn new(path: &str, most: usize) -> Self {
        // Fails only in a thread that is ending.
        let spare = SPARE.try_with(|spare| spare.borrow_mut().pop());
        let mut text = spare.ok().flatten().unwrap_or_default();
        push_clipped(&mut text, path, most);
        PathAndOrigin {
            path_length: text.len(),
            text,
        }
    }

    /// Notes the origin that is tried now, or as much of it as fits.
    pub fn set_origin(&mut self, origin: &str, most: usize) {
        self.text.truncate(self.path_length);
        push_clipped(&mut self.text, origin, most);
    }

    pub fn path(&self) -> &str {
        &self.text[..self.path_length]
    }

    /// The origin that was tried last, if one was.
    pub fn origin(&self) -> Option<&str> {
        Some(&self.text[self.path_length..]).filter(|origin| !origin.is_empty())
    }
}

fn push_clipped(out: &mut String, text: &str, most: usize) {
    // Writing to a string cannot fail.
    let _ = clip(out, text, most);
}

impl Drop for PathAndOrigin {
    fn drop(&mut self) {
        let mut text = mem::take(&mut self.text);
        if text.capacity() > KEPT_ROOM {
            return;
        }
        text.clear();
        let _ = SPARE.try_with(|spare| {
            let mut spare = spare.borrow_mut();
            if spare.len() < MOST_SPARE {
                spare.push(text);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_origin_tried_last_replaces_the_one_before() {
        let mut it = PathAndOrigin::new("/v1/models", 1024);
        assert_eq!((it.path(), it.origin()), ("/v1/models", None));
        it.set_origin("https://a.example", 1024);
        it.set_origin("http://b", 1024);
        assert_eq!((it.path(), it.origin()), ("/v1/models", Some("http://b")));
    }

    #[test]
    fn a_buffer_is_used_again_and_shows_nothing_of_the_request_before() {
        let mut first = PathAndOrigin::new("/v1/chat/completions", 1024);
        first.set_origin("https://a.example", 1024);
        let place = first.text.as_ptr();
        drop(first);
        let second = PathAndOrigin::new("/v1", 1024);
        assert_eq!(second.text.as_ptr(), place);
        assert_eq!((second.path(), second.origin()), ("/v1", None));
    }

    #[test]
    fn a_long_path_is_clipped_and_its_buffer_is_not_kept() {
        let path = "x".repeat(5000);
        let it = PathAndOrigin::new(&path, 2000);
        assert_eq!(it.path(), format!("{}[3000 bytes more]", &path[..2000]));
        drop(it);
        SPARE.with_borrow(|spare| {
            assert!(spare.iter().all(|buffer| buffer.capacity() <= KEPT_ROOM));
        });
    }
}
